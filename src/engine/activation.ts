import { isEntry, LOG_VERSION, type Entry, type EntryBodies, type LoanBody, type RunInput, type Wait } from '../client/entry.ts'
import type { TransientEvent } from '../client/event.ts'
import { openWaitsOf, stepsOf, treeUsageOf, usageOf } from '../client/fold.ts'
import { addUsage, NO_USAGE, type Usage } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { withoutStack } from '../errors/without-stack.ts'
import type { Clock } from '../util/clock.ts'
import { detach } from '../util/detach.ts'
import { hash32 } from '../util/hash.ts'
import { dropped } from '../util/never.ts'
import { isoTime } from '../util/iso-time.ts'
import { isInTree } from '../util/run-id.ts'
import { Activity } from './activity.ts'
import { timeUp, TreeBudget } from './budget.ts'
import { endTree } from './end-tree.ts'
import type { AgentRef, ChildOutcome } from './context.ts'
import { elsewhereKey, runElsewhere, type ElsewhereCall } from './elsewhere.ts'
import type { ClaimOptions, EffectScope, LogStore } from './engine.ts'
import { Inbox } from './inbox.ts'
import { LogWriter } from './log-writer.ts'
import { endOf, incompatible, isEndedBelow, outcomeOf, settled } from './outcome.ts'
import { historyOf, type PastParts } from './past.ts'
import { endTopic } from './queue.ts'
import { Recorded } from './recorded.ts'
import { openLoans, runRemote } from './remote-call.ts'
import { createRunContext } from './run-context.ts'
import { sharedBudget, type TenantBudgets } from './shared-budget.ts'
import { type Parkable, snapshotOf } from './snapshots.ts'
import { spentIn, workedMs } from './spent-by-log.ts'
import { Turns } from './turns.ts'
import { refuseOtherVersion } from './versions.ts'

export interface ActivationOptions {
  readonly store: LogStore
  readonly effects: EffectScope
  readonly clock: Clock
  readonly rootRunId: string
  /** How long only waits may be open, in the whole tree, before the activation gives up its memory. */
  readonly parkAfterMs: number
  /** How the root is claimed. */
  readonly claim?: Pick<ClaimOptions, 'takeOver' | 'ticket'>
  /** Budgets of tenants, kept in the store. */
  readonly tenantBudgets?: TenantBudgets
  /** Called with what was written to any log of the tree, in order. */
  publish(entries: readonly Entry[]): void
  /** Whether anybody listens to `live`. */
  isWatched(): boolean
  live(runId: string, event: TransientEvent): void
  /** Called with every step that the code of a run asks for, be it in the log already. */
  observe?(runId: string, key: string, asked: unknown): void
}

/** How an activation ended. Only after `ended` does the log of the root have its `run-end`. */
export type ActivationEnd =
  | { readonly type: 'ended'; readonly end: EntryBodies['run-end'] }
  | { readonly type: 'parked' }
  | { readonly type: 'stopped' }
  /** The run's time is over; its runs have still to be ended. */
  | { readonly type: 'limit'; readonly error: TroupeError }
  /** The log could not be written, or the code did not do again what the log says: never the outcome of the run. */
  | { readonly type: 'broken'; readonly error: TroupeError }

interface OpenRun {
  readonly run: string
  readonly epoch: number
  readonly tenant: string | undefined
  readonly writer: LogWriter
  readonly turns: Turns
  readonly inbox: Inbox
  readonly recorded: Recorded
  readonly budget: TreeBudget
  /** Aborts the effects of this run: with it, with those above it, and with the activation. */
  readonly abort: AbortController
  /** Resolves when the run is ended over the head of its own code. */
  readonly forced: PromiseWithResolvers<EntryBodies['run-end']>
  disarm(): void
}

const DIVERGED_AFTER_MS = 1_000

/** One execution of a run tree in one process: from the claim of its log to its end, or until it only waits. */
export class Activation {
  readonly #options: ActivationOptions
  readonly #open = new Map<string, OpenRun>()
  /** What each run has opened. */
  readonly #owned = new Map<string, Parkable[]>()
  /** Ends the waiting for a run that goes on elsewhere, with what its caller is to get. */
  readonly #elsewhere = new Map<string, (outcome: ChildOutcome) => void>()
  readonly #abort = new AbortController()
  readonly #activity: Activity
  readonly #ended = Promise.withResolvers<ActivationEnd>()
  #closed = false
  #isParking = false

  constructor(options: ActivationOptions) {
    this.#options = options
    this.#activity = new Activity(options.parkAfterMs, () => detach(this.#whenQuiet()))
  }

  /** Runs the agent over the log of the root. Never rejects; call once. */
  async run(agent: AgentRef): Promise<ActivationEnd> {
    detach(this.#runRoot(agent))
    return this.#ended.promise
  }

  /** Hands over an entry that came from outside this activation. */
  receive(entry: Entry): void {
    const open = this.#open.get(entry.run)
    if (!open || open.recorded.entries.some((known) => known.seq === entry.seq)) return
    open.recorded.add([entry])
    open.inbox.receive(entry)
  }

  get #isWaiting(): boolean {
    return [...this.#open.values()].some((run) => run.inbox.waiting > 0)
  }

  /** The runs that are open now, and up to where each log is known without a gap. */
  positions(): readonly { readonly run: string; readonly after: number }[] {
    return [...this.#open.values()].map(({ run, recorded }) => ({ run, after: recorded.completeTo }))
  }

  /** Gives everything up at once; the logs stay as they are, so that the run can go on elsewhere. */
  async stop(reason: TroupeError): Promise<void> {
    await this.#close({ type: 'stopped' }, reason)
  }

  /** Ends an open run and those below it as cancelled; their callers get that end. */
  async endRun(run: string, reason: TroupeError): Promise<void> {
    const open = this.#open.get(run)
    if (open) return this.#endRun(open, 'cancelled', reason)
    const forced = this.#elsewhere.get(run)
    if (!forced || this.#closed) return // A run that parks or moves goes on waiting.
    const { store, clock, publish } = this.#options
    publish(await this.#activity.during(() => endTree(store, run, { status: 'cancelled', reason, clock })))
    forced({ status: 'cancelled', error: reason.toJSON(), usage: NO_USAGE, runId: run })
  }

  async #runRoot(agent: AgentRef): Promise<void> {
    try {
      const entries = await this.#options.store.read(this.#options.rootRunId)
      const end = endOf(entries) ?? (await this.#runOne(this.#options.rootRunId, agent, this.#options.claim ?? {}))
      await this.#close(
        { type: 'ended', end },
        withoutStack(() => new TroupeError('run/ended', `run ${this.#options.rootRunId} has ended`)),
      )
    } catch (error) {
      await this.#break(TroupeError.wrap(error, 'engine/store-failed'))
    }
  }

  /** A fault of the store never reaches the caller, whose `catch` could take it for the child's outcome. */
  async #runChild(run: string, agent: AgentRef, input: RunInput, parent: string, parentKey: string): Promise<ChildOutcome> {
    try {
      return await this.#beginChild(run, agent, input, parent, parentKey)
    } catch (error) {
      await this.#break(TroupeError.wrap(error, 'engine/store-failed'))
      return dropped()
    }
  }

  async #beginChild(run: string, agent: AgentRef, input: RunInput, parent: string, parentKey: string): Promise<ChildOutcome> {
    const { store, rootRunId, clock } = this.#options
    const entries = await this.#activity.during(() => store.read(run))
    const end = endOf(entries)
    if (end) return outcomeOf(run, end)
    const caller = this.#open.get(parent)
    if (this.#closed || !caller) return dropped()
    const body = {
      version: LOG_VERSION,
      agent: agent.name,
      agentVersion: agent.version,
      ...(agent.promptVersion !== undefined && { promptVersion: agent.promptVersion }),
      input,
      rootRunId,
      parentRunId: parent,
      parentKey,
      ...(caller.tenant !== undefined && { tenant: caller.tenant }),
    }
    const start = { key: 'start', at: isoTime(clock.now()), type: 'run-start', body } as const
    if (agent.placement) return this.#callElsewhere(caller, { run, agent, placement: agent.placement, start, isNew: entries.length === 0 })
    const under = { run: parent, epoch: caller.epoch }
    if (entries.length === 0) this.#options.publish([await this.#activity.during(() => store.create(run, start, { under }))])
    return outcomeOf(run, await this.#runOne(run, agent, { under }))
  }

  /** Lets a run go on elsewhere; this one may park meanwhile. A caller that stops waiting gets the end that was forced. */
  async #callElsewhere(caller: OpenRun, call: Omit<ElsewhereCall, 'caller' | 'store' | 'wait' | 'during'>): Promise<ChildOutcome> {
    const { run } = call
    const forced = Promise.withResolvers<ChildOutcome>()
    this.#elsewhere.set(run, forced.resolve)
    const left = new AbortController()
    const begun = (key: string): Entry<'wait-start'> | undefined => caller.recorded.find('wait-start', key)
    const begin = async (key: string, topic: string, loan?: LoanBody): Promise<void> => {
      const body = { topic, ...(loan && { loan }) }
      if (!begun(key)) await this.#activity.during(() => caller.writer.append([caller.writer.entry('wait-start', key, body)]))
    }
    const placed: ElsewhereCall = {
      ...call,
      caller,
      start: { ...call.start, body: { ...call.start.body, budgets: caller.budget.scopes } },
      store: this.#options.store,
      during: (work) => this.#activity.during(work),
      wait: async (key, topic) => {
        await begin(key, topic)
        return (await caller.inbox.answer(key, { topic })).value
      },
    }
    const signal = AbortSignal.any([left.signal, caller.abort.signal])
    const [key, topic] = [elsewhereKey(call.start.body.parentKey ?? ''), endTopic(run)]
    const before = begun(key)?.body
    const lent = before?.topic === topic ? before.loan : undefined // That of a fork's origin is not its own.
    const outcome =
      call.placement.type === 'remote'
        ? runRemote({ ...placed, budget: caller.budget, signal, lent, begin: (loan) => begin(key, topic, loan) })
        : runElsewhere(placed)
    const ended = await Promise.race([outcome, forced.promise])
    this.#elsewhere.delete(run)
    left.abort()
    return ended
  }

  /** Claims a run that has begun, runs its agent to its end and writes that end. */
  async #runOne(run: string, agent: AgentRef, how: ClaimOptions): Promise<EntryBodies['run-end']> {
    if (this.#closed) return dropped() // A claim now would take the run from whoever goes on with it.
    const { store } = this.#options
    const [epoch, known] = await this.#activity.during(async () => [await store.claim(run, how), await store.readTree(run)] as const)
    const entries = known.filter((entry) => entry.run === run)
    const start = entries[0]
    if (!start || !isEntry(start, 'run-start'))
      throw new TroupeError('engine/log-corrupt', `the log of run ${run} does not begin with run-start`)

    refuseOtherVersion(run, entries, agent)
    const open = this.#openRun(run, epoch, start.body, agent, entries, known)
    if (open.budget.scopes.length > 0) await this.#activity.during(() => store.ledger.release(run))
    return Promise.race([this.#goThrough(open, agent, start.body.input), open.forced.promise])
  }

  /** Runs the agent's own code to its end, ends what it has left behind, and writes the end. */
  async #goThrough(open: OpenRun, agent: AgentRef, input: RunInput): Promise<EntryBodies['run-end']> {
    const { run, writer, recorded, turns } = open
    const outcome = await settled(agent, input, this.#contextOf(open))
    if (this.#closed || writer.isClosed) return dropped()
    while (turns.skip());
    if (turns.missing !== undefined) throw incompatible(run, turns.missing)
    const usage = await this.#activity.during(() => this.#endBelow(run, recorded))
    const body = { ...outcome, usage, steps: stepsOf(recorded.entries) }
    open.disarm()
    await this.#activity.during(() => writer.end(writer.entry('run-end', 'end', body)))
    this.#open.delete(run)
    open.abort.abort(withoutStack(() => new TroupeError('run/ended', `run ${run} has ended`)))
    detach(this.#disown(run))
    return body
  }

  /**
   * Ends the runs that a run had called and not waited for, in this activation or before a crash. Gives the usage of
   * all; the store is asked only when there is something below.
   */
  async #endBelow(run: string, recorded: Recorded): Promise<Usage> {
    const { store, clock, publish } = this.#options
    if (!recorded.entries.some((entry) => entry.type === 'agent-start')) return usageOf(recorded.entries)
    const strays = [...this.#open.values()].filter((open) => open.run !== run && isInTree(open.run, run))
    const tree = strays.length === 0 ? await store.readTree(run) : []
    // Logs that have ended are whole: nothing comes into them any more.
    if (strays.length === 0 && isEndedBelow(run, tree)) return treeUsageOf(run, tree)
    const reason = new TroupeError('run/cancelled', `run ${run} ended without waiting for this run`)
    for (const stray of strays.toReversed()) await this.#endRun(stray, 'cancelled', reason)
    publish(await endTree(store, run, { status: 'cancelled', reason, clock, onlyBelow: true }))
    return treeUsageOf(run, await store.readTree(run))
  }

  /** Ends a run and those below it over the heads of their code, children first; its caller gets that end. */
  async #endRun(open: OpenRun, status: 'cancelled' | 'limit', reason: TroupeError): Promise<void> {
    const below = [...this.#open.values()].filter((other) => isInTree(other.run, open.run))
    for (const { run, writer, abort, inbox, recorded, forced, disarm } of below.toReversed()) {
      if (this.#closed || writer.isClosed) continue // Its own end is on its way.
      disarm()
      abort.abort(reason)
      inbox.close()
      const body = { status, error: reason.toJSON(), usage: usageOf(recorded.entries), steps: stepsOf(recorded.entries) }
      await this.#activity.during(() => writer.end(writer.entry('run-end', 'end', body)))
      this.#open.delete(run)
      detach(this.#disown(run))
      forced.resolve(body)
    }
  }

  /** Nothing is awaited between reading the log and this: what comes in from outside meanwhile would be lost. */
  #openRun(
    run: string,
    epoch: number,
    start: EntryBodies['run-start'],
    agent: AgentRef,
    entries: readonly Entry[],
    tree: readonly Entry[],
  ): OpenRun {
    const { store, clock, publish } = this.#options
    const recorded = new Recorded(entries)
    const writer = new LogWriter({
      store,
      run,
      epoch,
      clock,
      onAppended: (written) => {
        recorded.add(written)
        publish(written)
      },
      onBroken: (error) => detach(this.#break(error)),
    })
    const parent = start.parentRunId === undefined ? undefined : this.#open.get(start.parentRunId)
    const limits = { ...agent.budget, ...start.input.budget }
    const shared = parent
      ? undefined
      : sharedBudget({
          run,
          start,
          limits,
          spreads: agent.spreads === true,
          tenants: this.#options.tenantBudgets,
          ledger: store.ledger,
          clock,
        })
    const budget = new TreeBudget(limits, spentIn(tree), parent?.budget, shared)
    for (const [borrower, loan] of openLoans(tree)) budget.keep(borrower, loan)
    const open: OpenRun = {
      run,
      epoch,
      tenant: start.tenant,
      writer,
      turns: new Turns(recorded.turns(), recorded.adoptedTurns()),
      inbox: new Inbox(clock, entries),
      recorded,
      budget,
      abort: new AbortController(),
      forced: Promise.withResolvers(),
      disarm: () => {},
    }
    open.abort.signal.addEventListener('abort', () => budget.forget(run), { once: true })
    if (limits.timeMs !== undefined) open.disarm = this.#endAfter(open, limits.timeMs, limits.timeMs - workedMs(entries))
    this.#open.set(run, open)
    if (this.#closed) {
      writer.close()
      open.abort.abort(this.#abort.signal.reason)
    }
    return open
  }

  /** Time that is up stops what is under way in the run and all below it. */
  #endAfter(open: OpenRun, timeMs: number, leftMs: number): () => void {
    const isRoot = open.run === this.#options.rootRunId
    return this.#options.clock.after(leftMs, () => {
      const error = timeUp(timeMs)
      detach(isRoot ? this.#close({ type: 'limit', error }, error) : this.#endRun(open, 'limit', error))
    })
  }

  #contextOf({ run, writer, turns, inbox, recorded, budget, abort }: OpenRun): ReturnType<typeof createRunContext> {
    const { rootRunId, clock, effects, live, observe, store } = this.#options
    const { snapshots } = store
    return createRunContext({
      runId: run,
      rootRunId,
      signal: abort.signal,
      clock,
      recorded,
      writer,
      turns,
      inbox,
      activity: this.#activity,
      effects,
      budget,
      isPast: false,
      ...(observe && { observe: (key: string, asked: unknown) => observe(run, key, asked) }),
      history: () => this.#activity.during(async () => historyOf(recorded, this.#pastParts())),
      isClosed: () => this.#closed || writer.isClosed,
      isWatched: () => this.#options.isWatched(),
      live: (event) => {
        if (!this.#closed) live(run, event)
      },
      during: (work) => this.#activity.during(work),
      ...(snapshots && { snapshot: snapshotOf(snapshots, run) }),
      own: (open) => this.#own(run, open),
      runChild: (child, agent, input, key) => this.#runChild(child, agent, input, run, key),
      endChild: (child, reason) => detach(this.endRun(child, reason)),
    })
  }

  #pastParts(): PastParts {
    const { store, rootRunId, clock, effects } = this.#options
    return {
      store,
      rootRunId,
      clock,
      effects,
      signal: this.#abort.signal,
      activity: this.#activity,
      isClosed: () => this.#closed,
      own: (run, open) => this.#own(run, open),
    }
  }

  /** A run that has ended keeps nothing open, however long its caller goes on. */
  async #disown(run: string): Promise<void> {
    const owned = this.#owned.get(run) ?? []
    this.#owned.delete(run)
    await Promise.allSettled(owned.toReversed().map(async (resource) => resource[Symbol.asyncDispose]()))
  }

  async #own<T extends Parkable>(run: string, open: () => Promise<T>): Promise<T> {
    const resource = await open()
    if (this.#closed) {
      await resource[Symbol.asyncDispose]()
      return dropped()
    }
    this.#owned.set(run, [...(this.#owned.get(run) ?? []), resource])
    return resource
  }

  async #whenQuiet(): Promise<void> {
    if (this.#isParking || this.#closed) return
    if ([...this.#open.values()].some(({ turns }) => turns.isSettling)) return this.#activity.again()
    if (this.#diverged()) return this.#skipOrBreak()
    if (!this.#isWaiting) return
    this.#isParking = true
    const isParked = await this.#park()
    this.#isParking = false
    if (!isParked) this.#activity.again()
  }

  #diverged(): OpenRun | undefined {
    return [...this.#open.values()].find(({ turns }) => turns.missing !== undefined)
  }

  async #skipOrBreak(): Promise<void> {
    if (this.#diverged()?.turns.skip()) return this.#activity.again()
    return this.#breakIfStillQuiet()
  }

  /** Code that is only slow to ask gets some time before it is called incompatible with its log. */
  async #breakIfStillQuiet(): Promise<void> {
    const { changes } = this.#activity
    await new Promise((resolve) => setTimeout(resolve, DIVERGED_AFTER_MS))
    const run = this.#diverged()
    if (run && changes === this.#activity.changes) await this.#break(incompatible(run.run, run.turns.missing))
  }

  /** Tells in every open log that it waits, children first, and lets go of everything, unless an answer comes meanwhile. */
  async #park(): Promise<boolean> {
    const { changes } = this.#activity
    await Promise.allSettled([...this.#owned.values()].flat().map(async (resource) => resource.park?.()))
    if (changes !== this.#activity.changes || this.#closed) return false
    const runs = [...this.#open.values()]
    const tree = runs.map(({ run, recorded: { entries } }) => ({ run, waits: openWaitsOf(entries), usage: usageOf(entries) }))
    for (const { run, writer, recorded } of runs.toReversed()) {
      const below = tree.filter((other) => isInTree(other.run, run))
      const waits: readonly Wait[] = below.flatMap((other) => other.waits)
      const key = `waiting.${hash32(waits.map((wait) => wait.callId + wait.reason).join(' '))}`
      if (recorded.find('run-waiting', key)) continue
      const usage = below.reduce<Usage>((sum, other) => addUsage(sum, other.usage), NO_USAGE)
      await writer.append([writer.entry('run-waiting', key, { waits, usage, steps: stepsOf(recorded.entries) })])
    }
    // Whoever got an answer while that was written is going on, and has perhaps logged it: it must not be cut off there.
    if (changes !== this.#activity.changes) return false
    await this.#close({ type: 'parked' }, new TroupeError('engine/closed', 'the run is parked'))
    return true
  }

  async #break(error: TroupeError): Promise<void> {
    await this.#close({ type: 'broken', error }, error)
  }

  async #close(end: ActivationEnd, reason: TroupeError): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#activity.close()
    for (const { writer, inbox, disarm } of this.#open.values()) {
      disarm()
      writer.close()
      inbox.close()
    }
    this.#abort.abort(reason)
    for (const { abort } of this.#open.values()) abort.abort(reason)
    await Promise.all([...this.#owned.keys()].map((run) => this.#disown(run)))
    await this.#letGo()
    this.#open.clear()
    this.#ended.resolve(end)
  }

  /** Somebody else may claim at once what stays open; a store that does not answer now will know when this process ends. */
  async #letGo(): Promise<void> {
    const { store } = this.#options
    const open = [...this.#open.values()]
    await Promise.allSettled(open.map(({ run, epoch }) => store.release(run, epoch)))
    await Promise.allSettled(open.filter(({ budget }) => budget.scopes.length > 0).map(({ run }) => store.ledger.release(run)))
  }
}
