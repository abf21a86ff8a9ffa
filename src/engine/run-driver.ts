import { isEntry, type Entry, type EntryBodies, type NewEntry } from '../client/entry.ts'
import type { TransientEvent } from '../client/event.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { assertNever } from '../util/assert-never.ts'
import { detach } from '../util/detach.ts'
import type { Clock } from '../util/clock.ts'
import { dropped } from '../util/never.ts'
import { Activation, type ActivationEnd } from './activation.ts'
import { prospectOf } from './answered.ts'
import { endTree } from './end-tree.ts'
import type { AgentRef } from './context.ts'
import type { ClaimOptions, EffectScope, LogStore } from './engine.ts'
import { Hub } from './hub.ts'
import type { Performed } from './queue.ts'
import { viewOf } from './run-view.ts'
import type { TenantBudgets } from './shared-budget.ts'
import type { StoreWatch } from './store-watch.ts'

export interface RunDriverOptions {
  readonly store: LogStore
  readonly watch: StoreWatch
  readonly effects: EffectScope
  readonly clock: Clock
  readonly parkAfterMs: number
  readonly runId: string
  /** Called when the log has begun, before anything runs; what it throws is why the run is given up. */
  readonly onBegun?: () => Promise<void>
  /** Called before a run that was there goes on. */
  readonly onResume?: () => Promise<void>
  /** Finds the agent; asked only when the run has not ended. */
  readonly agent: () => Promise<AgentRef>
  /** Written first when the run is new. */
  readonly start?: NewEntry<'run-start'> | (() => Promise<NewEntry<'run-start'>>)
  /** How the run is claimed the first time. */
  readonly claim?: Pick<ClaimOptions, 'takeOver' | 'ticket'>
  /** Of a worker: what a turn of the queue has to end with. The run is left when it waits. */
  readonly isTurn?: boolean
  readonly tenantBudgets?: TenantBudgets | undefined
  /** Called with all that is written to the logs of the tree. */
  readonly onPublished?: (entries: readonly Entry[]) => void
  /** Others in this process who want what streams. */
  readonly audience?: { isThere(): boolean; live(run: string, event: TransientEvent): void }
  /** Forget the log when the run has ended; the driver keeps the entries for those who still hold its handle. */
  readonly dropAtEnd: boolean
}

/** How long a parked run that another process has gone on with is left alone between two looks. */
const ELSEWHERE_LOOK_MS = 2_000
/** What the last activation left lying though it was there, the next one will hardly take: it is not tried at once. */
const LEFT_LYING_MS = 5_000

/** Drives one root run in this process through its activations, from claim to `run-end`. */
export class RunDriver {
  readonly hub: Hub = new Hub()
  /** The body of `run-end`; rejects only when this process had to give the run up. Of a turn that parks it stays pending. */
  readonly ended: Promise<EntryBodies['run-end']>
  /** How a turn of the queue ended; never rejects. */
  readonly turn: Promise<Performed>
  readonly #options: RunDriverOptions
  #activation: Activation | null = null
  #cancelled: TroupeError | null = null
  #stopped = false
  #wake: (() => void) | null = null
  #isParkedTold = false
  #parked = Promise.withResolvers<void>()
  #dropped: (() => readonly Entry[]) | null = null
  /** How long the tree was when the last activation began after parking. */
  #wokenAt = 0

  constructor(options: RunDriverOptions) {
    this.#options = options
    const driven = this.#drive()
    this.ended = driven.then((end) => end ?? dropped())
    this.ended.catch(() => {})
    this.turn = driven.then(
      (end) => (end ? { type: 'ended' } : this.#parkedTurn()),
      (error: unknown) => (this.#stopped ? { type: 'stopped' } : { type: 'broken', error: TroupeError.wrap(error, 'engine/store-failed') }),
    )
  }

  /** Whether it is driven for one turn of the queue, and left when it waits. */
  get isTurn(): boolean {
    return this.#options.isTurn ?? false
  }

  get runId(): string {
    return this.#options.runId
  }

  /** Resolves whenever the run is parked; at once while it is. */
  get parked(): Promise<void> {
    return this.#parked.promise
  }

  /** The entries of the whole tree, even when the store has forgotten them. */
  async entries(): Promise<readonly Entry[]> {
    return this.#dropped ? this.#dropped() : this.#options.store.readTree(this.runId)
  }

  /** Hands over what was written from outside to a run of the tree; a parked run goes on when it answers a wait. */
  receive(entries: readonly Entry[]): void {
    this.#untellParked() // Until it is seen that this is no answer.
    this.hub.publish(entries)
    for (const entry of entries) this.#activation?.receive(entry)
    this.#wake?.()
  }

  /** Ends one run below the root as cancelled, if it is open here. */
  async cancelChild(run: string, reason: TroupeError): Promise<void> {
    await this.#activation?.endRun(run, reason)
  }

  async cancel(reason: TroupeError): Promise<void> {
    this.#cancelled ??= reason
    await this.#interrupt(this.#cancelled)
    await this.turn
  }

  /** Lets the run go as it stands, so that it can be resumed elsewhere. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#interrupt(new TroupeError('engine/closed', `run ${this.runId} was stopped with its runtime; resume it to go on`))
    await this.turn
  }

  #untellParked(): void {
    if (!this.#isParkedTold) return
    this.#isParkedTold = false
    this.#parked = Promise.withResolvers()
  }

  async #interrupt(reason: TroupeError): Promise<void> {
    this.#wake?.()
    await this.#activation?.stop(reason)
  }

  async #parkedTurn(): Promise<Performed> {
    const { store, runId } = this.#options
    const { until } = prospectOf(await store.readTree(runId))
    const isAnswered = async (): Promise<boolean> => prospectOf(await store.readTree(runId)).answered
    return { type: 'parked', isAnswered, ...(until !== undefined && { until }) }
  }

  /** Null: the turn is over, and the run waits. */
  async #drive(): Promise<EntryBodies['run-end'] | null> {
    const { store, runId, agent, start, dropAtEnd } = this.#options
    if (start) {
      const begun = await store.create(runId, typeof start === 'function' ? await start() : start)
      await this.#options.onBegun?.()
      this.hub.publish([begun])
    } else {
      const tree = await store.readTree(runId)
      this.hub.learn(tree)
      if (isEnded(tree, runId)) return this.#readEnd()
      await this.#options.onResume?.()
    }
    const end = await this.#activate(await agent())
    if (end && dropAtEnd) this.#dropped = await this.#forget()
    return end
  }

  /** Few ask for the entries of a run that has ended: they are read for those alone, where that can be. */
  async #forget(): Promise<() => readonly Entry[]> {
    const { store, runId } = this.#options
    if (store.take) return store.take(runId)
    const entries = await store.readTree(runId)
    await store.drop(runId)
    return () => entries
  }

  async #activate(agent: AgentRef): Promise<EntryBodies['run-end'] | null> {
    for (let hasParked = false; ;) {
      if (this.#cancelled) return this.#endAll('cancelled', this.#cancelled)
      if (this.#stopped) throw new TroupeError('engine/closed', `run ${this.runId} was stopped; resume it to go on`)
      const end = await this.#runOnce(agent)
      switch (end.type) {
        case 'ended':
          return end.end
        case 'parked':
          if (this.#options.isTurn && !this.#cancelled) return null
          hasParked = true
          await this.#untilAnswered()
          this.#untellParked()
          break
        case 'stopped':
          if (!this.#cancelled && !this.#stopped && (await this.#wasEnded())) return this.#readEnd()
          break
        case 'limit':
          return this.#endAll('limit', end.error)
        case 'broken':
          if (hasParked && TroupeError.is(end.error, 'run/busy')) {
            const other = await this.#untilEndedElsewhere()
            if (other) return other
            break
          }
          if (!TroupeError.is(end.error, 'run/ended')) return Promise.reject(end.error)
          if (await this.#wasEnded()) return this.#readEnd()
          break // Only a child was ended from outside so far: the next activation takes that from its log.
        default:
          assertNever(end)
      }
    }
  }

  async #runOnce(agent: AgentRef): Promise<ActivationEnd> {
    const { store, effects, clock, parkAfterMs, runId, claim, tenantBudgets, onPublished, audience } = this.#options
    const activation = new Activation({
      store,
      effects,
      clock,
      parkAfterMs,
      rootRunId: runId,
      ...(claim && { claim }),
      ...(tenantBudgets && { tenantBudgets }),
      publish: (entries) => {
        this.hub.publish(entries)
        onPublished?.(entries)
      },
      isWatched: () => this.hub.isWatched || (audience?.isThere() ?? false),
      live: (run, event) => {
        this.hub.live(run, event)
        audience?.live(run, event)
      },
    })
    this.#activation = activation
    const unsubscribe = this.#options.watch.subscribe(() => detach(this.#hear(activation)))
    try {
      return await activation.run(agent)
    } finally {
      unsubscribe()
      this.#activation = null
    }
  }

  /** Looks for what others have written, in this process too: runs that were called and executed apart from this one. */
  async hear(): Promise<void> {
    this.#wake?.()
    if (this.#activation) await this.#hear(this.#activation)
  }

  /** Takes in what other processes have written to the runs that are open. */
  async #hear(activation: Activation): Promise<void> {
    try {
      for (const { run, after } of activation.positions()) {
        const fromOutside = (await this.#options.store.read(run, after)).filter((entry) => entry.epoch === 0)
        if (activation !== this.#activation || fromOutside.length === 0) continue
        this.receive(fromOutside)
        const end = fromOutside.find((entry) => entry.type === 'run-end')
        if (end) return await activation.stop(new TroupeError('run/cancelled', `run ${run} was ended by another process`))
      }
    } catch {
      // The next look, or the next append, meets the same fault and says so.
    }
  }

  /** Resolves when a parked run has something to go on with, was cancelled or stopped. */
  async #untilAnswered(): Promise<void> {
    const { store, clock, runId, watch } = this.#options
    const unsubscribe = watch.subscribe(() => this.#wake?.())
    while (!this.#cancelled && !this.#stopped) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const tree = await store.readTree(runId)
      const { answered, until } = prospectOf(tree)
      const isDue = answered || (until !== undefined && until <= clock.now())
      const isLeftLying = isDue && tree.length === this.#wokenAt
      if (isDue || isEnded(tree, runId)) this.#wokenAt = isLeftLying ? 0 : tree.length
      this.hub.catchUp(tree)
      if ((isDue && !isLeftLying) || isEnded(tree, runId)) break
      const timeMs = isLeftLying ? LEFT_LYING_MS : until === undefined ? Infinity : until - clock.now()
      // Who waits for agents alone, that run elsewhere, waits for nobody that could be told.
      if (viewOf(runId, tree).waits.length > 0 || until !== undefined) {
        this.#parked.resolve()
        this.#isParkedTold = true
      }
      const disarm = Number.isFinite(timeMs) ? clock.after(timeMs, () => this.#wake?.()) : () => {}
      await woken
      disarm()
    }
    unsubscribe()
    this.#wake = null
  }

  /** Another process has gone on with the run while it was parked here: waits for its end, or until nobody has it any more. */
  async #untilEndedElsewhere(): Promise<EntryBodies['run-end'] | null> {
    const { watch } = this.#options
    const { promise: interrupted, resolve } = Promise.withResolvers<void>()
    const unsubscribe = watch.subscribe(resolve)
    this.#wake = resolve
    const timer = setTimeout(resolve, ELSEWHERE_LOOK_MS)
    await interrupted
    clearTimeout(timer)
    unsubscribe()
    this.#wake = null
    return (await this.#wasEnded()) ? this.#readEnd() : null
  }

  async #endAll(status: 'cancelled' | 'limit', reason: TroupeError): Promise<EntryBodies['run-end']> {
    const { store, clock, runId } = this.#options
    this.hub.publish(await endTree(store, runId, { status, reason, clock }))
    return this.#readEnd()
  }

  /** Whether another process has ended the run; tells what it wrote. */
  async #wasEnded(): Promise<boolean> {
    const tree = await this.#options.store.readTree(this.runId)
    this.hub.catchUp(tree)
    return isEnded(tree, this.runId)
  }

  async #readEnd(): Promise<EntryBodies['run-end']> {
    const entries = await this.#options.store.read(this.runId)
    const end = entries.findLast((entry) => entry.type === 'run-end')
    if (end && isEntry(end, 'run-end')) return end.body
    throw new TroupeError('engine/log-corrupt', `run ${this.runId} has ended, but its log has no run-end`)
  }
}

function isEnded(tree: readonly Entry[], run: string): boolean {
  return tree.some((entry) => entry.run === run && entry.type === 'run-end')
}
