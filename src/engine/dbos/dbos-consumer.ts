import { setTimeout as pause } from 'node:timers/promises'
import { TroupeError } from '../../errors/troupe-error.ts'
import { systemClock } from '../../util/clock.ts'
import { endTree } from '../end-tree.ts'
import { QUEUE_DEFAULTS, type ConsumeOptions, type Consumer, type Performed, type QueueTurn } from '../queue.ts'
import { admit, sharesOf, type Admitted } from './admission.ts'
import { isHosting, startHost, stopHost } from './dbos-host.ts'
import type { QueueParts } from './queue-parts.ts'
import { isTaken } from '../queue-errors.ts'
import { partitionOf, tenantOf } from './names.ts'
import { Sweeper } from './sweeper.ts'
import { ELSEWHERE_PAUSE_MS, FAULT_PAUSE_MS, HOLD_LOOK_MS, HOLD_MS, YIELD_MS } from './worker-times.ts'
import { performTurn } from '../perform-turn.ts'

/** Where an item goes when its turn has ended without the end of its run; attempts of null stay as they are. */
interface After {
  readonly status: 'queued' | 'parked' | 'dead'
  readonly notBefore: number | null
  readonly attempts: number | null
  readonly lastError: string | null
}

/** One of the fleet's workers: DBOS hands it turns, and it performs each. */
export class DbosConsumer implements Consumer {
  readonly lost: Promise<TroupeError>
  readonly #parts: QueueParts
  readonly #options: ConsumeOptions
  readonly #perform: (turn: QueueTurn) => Promise<Performed>
  readonly #sweeper: Sweeper
  /** Turns that this process was handed and has not ended, be they held back or running. */
  readonly #taken = new Map<string, Promise<void>>()
  /** How often a run made room for others since it was last performed. */
  readonly #yields = new Map<string, number>()
  #running = 0
  #isStopped = false
  #drained: Promise<void> | null = null

  private constructor(parts: QueueParts, options: ConsumeOptions, perform: (turn: QueueTurn) => Promise<Performed>) {
    this.#parts = parts
    this.#options = options
    this.#perform = perform
    this.#sweeper = new Sweeper(parts, {
      onExpired: (run) => this.#end(run, expired(run)),
      agents: options.agents,
    })
    this.lost = this.#fencedOff()
  }

  /** Throws `queue/taken` where this process is a worker already, `engine/store-failed`. */
  static async start(parts: QueueParts, options: ConsumeOptions, perform: (turn: QueueTurn) => Promise<Performed>): Promise<DbosConsumer> {
    if (isHosting()) throw isTaken('this process (DBOS is one to a process)')
    await parts.lock.holdForGood()
    const consumer = new DbosConsumer(parts, options, perform)
    await consumer.#sweeper.join()
    const { database, lock, times } = parts
    try {
      await startHost({
        database,
        id: lock.id,
        agents: options.agents,
        limits: options.limits ?? {},
        pollMs: times.pollMs,
        turn: (run, segment) => consumer.#take(run, segment),
        share: (partitions) => consumer.#share(partitions),
      })
    } catch (error) {
      await consumer.#sweeper.leave()
      parts.lock.noLongerForGood()
      throw error
    }
    consumer.#sweeper.start()
    return consumer
  }

  get running(): number {
    return this.#running
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    this.#isStopped = true
    while (this.#taken.size > 0) await Promise.allSettled(this.#taken.values())
    await stopHost()
    await this.#sweeper.leave()
    this.#parts.lock.noLongerForGood()
  }

  async #fencedOff(): Promise<TroupeError> {
    const error = await Promise.race([this.#parts.lock.lost, this.#sweeper.fenced])
    if (this.#drained) return new Promise(() => {})
    this.#isStopped = true
    this.#sweeper.stop()
    return error
  }

  async #share(partitions: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const free = this.#isStopped ? 0 : this.#options.concurrency - this.#taken.size
    const shares = await sharesOf(this.#parts.database, partitions.map(tenantOf), free, this.#options.limits ?? {})
    return new Map([...shares].map(([tenant, share]) => [partitionOf(tenant), share]))
  }

  /** One turn, from DBOS's hand to its end in the store; never throws, for DBOS would keep that as the turn's outcome. */
  #take(run: string, segment: string): Promise<void> {
    const name = `${run}:${segment}`
    const turn = this.#turn(run, segment).finally(() => this.#taken.delete(name))
    this.#taken.set(name, turn)
    return turn
  }

  async #turn(run: string, segment: string): Promise<void> {
    const admitted = await this.#admit(run, segment)
    switch (admitted.type) {
      case 'gone':
        return
      case 'fenced':
        return this.#sweeper.fence()
      case 'expired':
        return this.#end(run, expired(run))
      case 'exhausted':
        return this.#end(run, deadLetter(run, admitted.maxAttempts, admitted.lastError ?? 'the end of its worker'))
      case 'held':
        return this.#makeRoom(run, segment)
      case 'go':
        return this.#go(run, segment, admitted)
      default:
        return admitted satisfies never
    }
  }

  /** What is held back by a cap waits here for a moment: mostly another turn ends meanwhile. */
  async #admit(run: string, segment: string): Promise<Admitted> {
    const until = Date.now() + HOLD_MS
    for (;;) {
      const { database, lock } = this.#parts
      const admitted = await this.#insist(() =>
        this.#isStopped ? Promise.resolve({ type: 'held' } as const) : admit(database, lock.id, run, segment, this.#options.limits ?? {}),
      )
      if (!admitted) return { type: 'fenced' }
      if (admitted.type !== 'held' || this.#isStopped || Date.now() > until) return admitted
      await pause(HOLD_LOOK_MS)
    }
  }

  async #makeRoom(run: string, segment: string): Promise<void> {
    const { own: s, dbos: d } = this.#parts.database.schemas
    const yields = this.#yields.get(run) ?? 0
    this.#yields.set(run, yields + 1)
    const notBefore = this.#isStopped ? null : Date.now() + Math.min(YIELD_MS.first * 2 ** yields, YIELD_MS.most)
    await this.#insist(() =>
      this.#parts.database.transaction(async (client) => {
        // It did not start: rates that DBOS counts by starts forget it.
        await client.query(`update ${d}.workflow_status set rate_limited = false where workflow_uuid = $1`, [`${run}:${segment}`])
        await client.query(
          `with mine as (select 1 from ${d}.workflow_status
             where workflow_uuid = $1 || ':' || $2 and executor_id = $4 and status = 'PENDING' for share)
           select ${s}.settle($1, $2::bigint, 'queued', $3, null, (select last_error from ${s}.queue where run = $1)) from mine`,
          [run, segment, notBefore, this.#parts.lock.id],
        )
      }),
    )
  }

  async #go(run: string, segment: string, { attempt, maxAttempts, ticket }: Extract<Admitted, { type: 'go' }>): Promise<void> {
    this.#yields.delete(run)
    this.#running++
    const performed = await performTurn(this.#perform, { run, attempt, ticket })
    this.#running--
    switch (performed.type) {
      case 'ended':
        return
      case 'stopped':
        return this.#settle(run, segment, { status: 'queued', notBefore: null, attempts: attempt - 1, lastError: null })
      case 'parked': {
        await this.#settle(run, segment, { status: 'parked', notBefore: performed.until ?? null, attempts: 0, lastError: null })
        // What came between the last look of the run and this was told to an item that was not parked yet.
        await this.#insist(async () => {
          if (await performed.isAnswered())
            await this.#parts.database.query(`select ${this.#parts.database.schemas.own}.wake($1, false)`, [run])
        })
        return
      }
      case 'broken':
        return this.#afterFault(run, segment, attempt, maxAttempts, performed.error)
      default:
        return performed satisfies never
    }
  }

  async #afterFault(run: string, segment: string, attempt: number, maxAttempts: number, error: TroupeError): Promise<void> {
    const lastError = `${error.code}: ${error.message}`
    if (error.code === 'run/busy' || error.code === 'engine/lost-ownership') {
      // Where the turn itself was taken over, the segment is another's or DBOS's token is: then this changes nothing.
      const notBefore = Date.now() + ELSEWHERE_PAUSE_MS
      return this.#settle(run, segment, { status: 'queued', notBefore, attempts: attempt - 1, lastError })
    }
    if (!error.retryable) return this.#settle(run, segment, { status: 'dead', notBefore: null, attempts: attempt, lastError })
    if (attempt >= maxAttempts) return this.#end(run, deadLetter(run, attempt, lastError))
    const { baseMs, maxMs } = this.#options.backoff ?? QUEUE_DEFAULTS.backoff
    const notBefore = Date.now() + Math.min(baseMs * 2 ** (attempt - 1), maxMs)
    return this.#settle(run, segment, { status: 'queued', notBefore, attempts: attempt, lastError })
  }

  /** Only as long as DBOS says that the turn is this process's: after a takeover it is another's to settle. */
  async #settle(run: string, segment: string, { status, notBefore, attempts, lastError }: After): Promise<void> {
    const { database, lock } = this.#parts
    const { own: s, dbos: d } = database.schemas
    await this.#insist(() =>
      database.query(
        `with mine as (select 1 from ${d}.workflow_status
           where workflow_uuid = $1 || ':' || $2 and executor_id = $7 and status = 'PENDING' for share)
         select ${s}.settle($1, $2::bigint, $3, $4, $5, $6) from mine`,
        [run, segment, status, notBefore === null ? null : Math.ceil(notBefore), attempts, lastError, lock.id],
      ),
    )
  }

  async #end(run: string, reason: TroupeError): Promise<void> {
    await this.#insist(async () => {
      const written = await endTree(this.#parts.store, run, { status: 'failed', reason, clock: systemClock })
      this.#options.onWritten?.(written)
    })
  }

  /** The store is asked until it answers, or until this process has lost its place; then, or when it refuses, gives undefined. */
  async #insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!TroupeError.is(error) || !error.retryable || this.#sweeper.isFenced) return undefined
        await pause(FAULT_PAUSE_MS)
      }
    }
  }
}

function expired(run: string): TroupeError {
  return new TroupeError('queue/expired', `run ${run} did not start before it expired`)
}

function deadLetter(run: string, attempts: number, last: string): TroupeError {
  return new TroupeError(
    'queue/dead-letter',
    `run ${run} was taken ${attempts} times and never came to its end, the last time because of ${last}; redrive it when that is mended`,
  )
}
