import type { Entry, NewEntry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { detach } from '../util/detach.ts'
import {
  QUEUE_DEFAULTS,
  type Admission,
  type ConsumeOptions,
  type Consumer,
  type Performed,
  type QueueDepth,
  type QueueItem,
  type QueueState,
  type QueueTurn,
  type RunQueue,
} from './queue.ts'
import { isTaken } from './queue-errors.ts'
import { ReadyQueue, type QueueRow } from './ready-queue.ts'
import type { AfterTurn, QueueRows } from './queue-rows.ts'
import { performTurn } from './perform-turn.ts'

/** Ends a run and all below it as failed, and gives what it wrote. */
export type EndFailed = (run: string, reason: TroupeError) => Promise<readonly Entry[]>

/** The queue of a store with one consumer: whose turn it is stands in memory, folded from the rows that the store keeps. */
export class EmbeddedQueue implements RunQueue {
  readonly isEmbedded = true
  readonly #rows: QueueRows
  readonly #endFailed: EndFailed
  #isConsumed = false

  constructor(rows: QueueRows, endFailed: EndFailed) {
    this.#rows = rows
    this.#endFailed = endFailed
  }

  enqueue(start: NewEntry<'run-start'>, item: QueueItem, admission: Admission = { maxDepth: QUEUE_DEFAULTS.maxDepth }): Promise<Entry> {
    return this.#rows.enqueue(start, item, admission)
  }

  async consume(options: ConsumeOptions, perform: (turn: QueueTurn) => Promise<Performed>): Promise<Consumer> {
    if (this.#isConsumed) throw isTaken('this store')
    await this.#rows.lock()
    this.#isConsumed = true
    return new EmbeddedConsumer(this.#rows, this.#endFailed, options, perform, () => {
      this.#isConsumed = false
    })
  }

  wake(run: string): Promise<boolean> {
    return this.#rows.wake(run)
  }

  get(run: string): Promise<QueueState | null> {
    return this.#rows.get(run)
  }

  depth(): Promise<QueueDepth> {
    return this.#rows.depth()
  }

  isServed(): Promise<boolean> {
    return this.#rows.isLocked()
  }
}

/** How long a fault of the store keeps the consumer from looking again. */
const FAULT_PAUSE_MS = 500
/** Before a run that another process drives, such as `troupe resume`, is tried again. */
const ELSEWHERE_PAUSE_MS = 2_000
/** The longest that a timer sleeps: Node's own timers overflow at 2 ** 31 ms. */
const LONGEST_SLEEP_MS = 60_000

class EmbeddedConsumer implements Consumer {
  readonly lost: Promise<TroupeError> = new Promise(() => {})
  readonly #rows: QueueRows
  readonly #endFailed: EndFailed
  readonly #options: ConsumeOptions
  readonly #perform: (turn: QueueTurn) => Promise<Performed>
  readonly #ready: ReadyQueue
  readonly #running = new Set<Promise<void>>()
  readonly #unsubscribe: () => void
  readonly #onDrained: () => void
  #revision = 0
  #isPumping = false
  #isChanged = true
  #isAskedAgain = false
  #drained: Promise<void> | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    rows: QueueRows,
    endFailed: EndFailed,
    options: ConsumeOptions,
    perform: (turn: QueueTurn) => Promise<Performed>,
    onDrained: () => void,
  ) {
    this.#onDrained = onDrained
    this.#rows = rows
    this.#endFailed = endFailed
    this.#options = options
    this.#perform = perform
    this.#ready = new ReadyQueue(options.limits ?? {}, options.agents)
    this.#unsubscribe = rows.onChange(() => this.#changed())
    this.#changed()
  }

  get running(): number {
    return this.#running.size
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    clearTimeout(this.#timer)
    this.#unsubscribe()
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    await this.#rows.unlock()
    this.#onDrained()
  }

  #changed(): void {
    this.#isChanged = true
    this.#pump()
  }

  #pump(): void {
    if (this.#drained) return
    this.#isAskedAgain = this.#isPumping
    if (this.#isPumping) return
    this.#isPumping = true
    detach(this.#pumpAll())
  }

  async #pumpAll(): Promise<void> {
    try {
      while (!this.#drained && (await this.#takeNext()));
    } catch {
      // The store says it again to whoever writes; here the only thing to do is to look later.
      this.#sleep(FAULT_PAUSE_MS)
    }
    this.#isPumping = false
    // A slot may have come free after the last look at the slots, and before this.
    if (this.#isChanged || this.#isAskedAgain) this.#pump()
  }

  /** Gives whether to look again at once. */
  async #takeNext(): Promise<boolean> {
    if (this.#isChanged) {
      this.#isChanged = false
      await this.#learn()
    }
    const now = Date.now()
    for (const run of this.#ready.expired(now)) {
      await this.#end(run, new TroupeError('queue/expired', `run ${run} did not start before it expired`))
      return true
    }
    const { concurrency, limits } = this.#options
    if (this.#running.size >= Math.min(concurrency, limits?.concurrency ?? Infinity)) return false
    const next = this.#ready.next(now)
    if (!('run' in next)) {
      if (next.at !== null) this.#sleep(next.at - now)
      return false
    }
    const turn = this.#take(next.run)
    this.#running.add(turn)
    const leave = (): void => {
      this.#running.delete(turn)
      this.#pump()
    }
    turn.then(leave, leave)
    return true
  }

  /** Not awaited between two: what is taken in one go is one write of the store. */
  async #take(run: string): Promise<void> {
    let row: QueueRow | null
    try {
      row = await this.#rows.take(run)
    } catch {
      // Such as a full disk. In the store it stands where it stood, and here it must too, or nobody would take it again.
      await new Promise((resolve) => setTimeout(resolve, FAULT_PAUSE_MS))
      this.#ready.putBack(run)
      return
    }
    if (!row) {
      this.#isChanged = true
      return
    }
    this.#ready.put(row)
    if (row.attempts > row.maxAttempts) {
      return this.#end(row.run, deadLetter(row.run, row.maxAttempts, row.lastError ?? 'the end of its worker'))
    }
    return this.#turn(row.run, row.attempts, row.maxAttempts)
  }

  async #learn(): Promise<void> {
    for (const row of await this.#rows.changed(this.#revision)) {
      this.#revision = Math.max(this.#revision, row.revision)
      this.#ready.put(row)
    }
  }

  #sleep(timeMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#changed(), Math.min(Math.max(timeMs, 1), LONGEST_SLEEP_MS))
  }

  async #turn(run: string, attempt: number, maxAttempts: number): Promise<void> {
    const performed = await performTurn(this.#perform, { run, attempt })
    switch (performed.type) {
      case 'ended':
        return
      case 'stopped':
        return this.#settle(run, { status: 'queued', notBefore: null, attempts: attempt - 1, lastError: null })
      case 'parked': {
        await this.#settle(run, { status: 'parked', notBefore: performed.until ?? null, attempts: 0, lastError: null })
        // What came between the last look of the run and this was told to an item that was not parked yet.
        if (await performed.isAnswered()) await this.#rows.wake(run)
        this.#changed()
        return
      }
      case 'broken':
        return this.#afterFault(run, attempt, maxAttempts, performed.error)
      default:
        return performed satisfies never
    }
  }

  async #afterFault(run: string, attempt: number, maxAttempts: number, error: TroupeError): Promise<void> {
    const lastError = `${error.code}: ${error.message}`
    if (error.code === 'run/busy' || error.code === 'engine/lost-ownership') {
      return this.#settle(run, { status: 'queued', notBefore: Date.now() + ELSEWHERE_PAUSE_MS, attempts: attempt - 1, lastError })
    }
    if (!error.retryable) return this.#settle(run, { status: 'dead', notBefore: null, attempts: attempt, lastError })
    if (attempt >= maxAttempts) {
      return this.#end(run, deadLetter(run, attempt, lastError))
    }
    const { baseMs, maxMs } = this.#options.backoff ?? QUEUE_DEFAULTS.backoff
    const notBefore = Date.now() + Math.min(baseMs * 2 ** (attempt - 1), maxMs)
    await this.#settle(run, { status: 'queued', notBefore, attempts: attempt, lastError })
  }

  async #settle(run: string, to: AfterTurn): Promise<void> {
    await this.#insist(async () => {
      const row = await this.#rows.settle(run, to)
      if (row) this.#ready.put(row)
    })
    this.#changed()
  }

  async #end(run: string, reason: TroupeError): Promise<void> {
    await this.#insist(async () => {
      const written = await this.#endFailed(run, reason)
      this.#options.onWritten?.(written)
    })
    this.#isChanged = true
  }

  /** An item that stays `running` though nobody runs it would lie until the next consumer: the store is asked until it answers. */
  async #insist(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!TroupeError.is(error) || !error.retryable) return
        await new Promise((resolve) => setTimeout(resolve, FAULT_PAUSE_MS))
      }
    }
  }
}

function deadLetter(run: string, attempts: number, last: string): TroupeError {
  return new TroupeError(
    'queue/dead-letter',
    `run ${run} was taken ${attempts} times and never came to its end, the last time because of ${last}; redrive it when that is mended`,
  )
}
