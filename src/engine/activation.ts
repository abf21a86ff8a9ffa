import { isEntry, LOG_VERSION, type Entry, type EntryBodies, type RunInput, type Wait } from '../client/entry.ts'
import type { TransientEvent } from '../client/event.ts'
import { openWaitsOf, stepsOf, treeUsageOf, usageOf } from '../client/fold.ts'
import { addUsage, NO_USAGE, type Usage } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import { detach } from '../util/detach.ts'
import { hash32 } from '../util/hash.ts'
import { dropped } from '../util/never.ts'
import { isInTree } from '../util/run-id.ts'
import { Activity } from './activity.ts'
import { spentIn, timeUp, TreeBudget, workedMs } from './budget.ts'
import { endTree } from './end-tree.ts'
import type { AgentOutcome, AgentRef, ChildOutcome, PastRun, RunContext } from './context.ts'
import type { EffectScope, LogStore } from './engine.ts'
import { Inbox } from './inbox.ts'
import { LogWriter, refusingWriter } from './log-writer.ts'
import { Recorded } from './recorded.ts'
import { createRunContext } from './run-context.ts'
import { Turns } from './turns.ts'

export interface ActivationOptions {
  readonly store: LogStore
  readonly effects: EffectScope
  readonly clock: Clock
  readonly rootRunId: string
  /** How long only waits may be open, in the whole tree, before the activation gives up its memory. */
  readonly parkAfterMs: number
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
  readonly writer: LogWriter
  readonly turns: Turns
  readonly inbox: Inbox
  readonly recorded: Recorded
  readonly budget: TreeBudget
  /** Aborts the effects of this run and of those below it. */
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
  readonly #owned = new Map<string, AsyncDisposable[]>()
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
    if (open) await this.#endRun(open, 'cancelled', reason)
  }

  async #runRoot(agent: AgentRef): Promise<void> {
    try {
      const entries = await this.#options.store.read(this.#options.rootRunId)
      const end = endOf(entries) ?? (await this.#runOne(this.#options.rootRunId, agent))
      await this.#close({ type: 'ended', end }, new TroupeError('run/ended', `run ${this.#options.rootRunId} has ended`))
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
    if (this.#closed) return dropped()
    if (entries.length === 0) {
      const body = {
        version: LOG_VERSION,
        agent: agent.name,
        agentVersion: agent.version,
        ...(agent.promptVersion !== undefined && { promptVersion: agent.promptVersion }),
        input,
        rootRunId,
        parentRunId: parent,
        parentKey,
      }
      const at = new Date(clock.now()).toISOString()
      this.#options.publish([await this.#activity.during(() => store.create(run, { key: 'start', at, type: 'run-start', body }))])
    }
    return outcomeOf(run, await this.#runOne(run, agent))
  }

  /** Claims a run that has begun, runs its agent to its end and writes that end. */
  async #runOne(run: string, agent: AgentRef): Promise<EntryBodies['run-end']> {
    if (this.#closed) return dropped() // A claim now would take the run from whoever goes on with it.
    const { store } = this.#options
    const [epoch, known] = await this.#activity.during(async () => [await store.claim(run), await store.readTree(run)] as const)
    const entries = known.filter((entry) => entry.run === run)
    const start = entries[0]
    if (!start || !isEntry(start, 'run-start'))
      throw new TroupeError('engine/log-corrupt', `the log of run ${run} does not begin with run-start`)

    const open = this.#openRun(run, epoch, start.body, agent, entries, known)
    return Promise.race([this.#goThrough(open, agent, start.body.input), open.forced.promise])
  }

  /** Runs the agent's own code to its end, ends what it has left behind, and writes the end. */
  async #goThrough(open: OpenRun, agent: AgentRef, input: RunInput): Promise<EntryBodies['run-end']> {
    const { run, writer, recorded, turns } = open
    const outcome = await settled(agent, input, this.#contextOf(open))
    if (this.#closed || writer.isClosed) return dropped()
    if (turns.missing !== undefined) throw incompatible(run, turns.missing)
    const usage = await this.#activity.during(() => this.#endBelow(run, recorded))
    const body = { ...outcome, usage, steps: stepsOf(recorded.entries) }
    open.disarm()
    await this.#activity.during(() => writer.end(writer.entry('run-end', 'end', body)))
    this.#open.delete(run)
    open.abort.abort(new TroupeError('run/ended', `run ${run} has ended`))
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
    const reason = new TroupeError('run/cancelled', `run ${run} ended without waiting for this run`)
    const strays = [...this.#open.values()].filter((open) => open.run !== run && isInTree(open.run, run))
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
    const budget = new TreeBudget(limits, spentIn(tree), parent?.budget)
    const open: OpenRun = {
      run,
      writer,
      turns: new Turns(recorded.turns()),
      inbox: new Inbox(clock, entries),
      recorded,
      budget,
      abort: new AbortController(),
      forced: Promise.withResolvers(),
      disarm: () => {},
    }
    if (limits.timeMs !== undefined) open.disarm = this.#endAfter(open, limits.timeMs, limits.timeMs - workedMs(entries))
    this.#open.set(run, open)
    if (this.#closed) writer.close()
    return open
  }

  /** Time that is up stops what is under way in the run and all below it. */
  #endAfter(open: OpenRun, timeMs: number, leftMs: number): () => void {
    const error = timeUp(timeMs)
    const isRoot = open.run === this.#options.rootRunId
    return this.#options.clock.after(leftMs, () => {
      detach(isRoot ? this.#close({ type: 'limit', error }, error) : this.#endRun(open, 'limit', error))
    })
  }

  #contextOf({ run, writer, turns, inbox, recorded, budget, abort }: OpenRun): ReturnType<typeof createRunContext> {
    const { rootRunId, clock, effects, live, observe } = this.#options
    return createRunContext({
      runId: run,
      rootRunId,
      signal: AbortSignal.any([this.#abort.signal, abort.signal]),
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
      history: () => this.#activity.during(() => this.#historyOf(recorded)),
      isClosed: () => this.#closed || writer.isClosed,
      isWatched: () => this.#options.isWatched(),
      live: (event) => {
        if (!this.#closed) live(run, event)
      },
      during: (work) => this.#activity.during(work),
      own: (open) => this.#own(run, open),
      runChild: (child, agent, input, key) => this.#runChild(child, agent, input, run, key),
      endChild: (child, reason) => detach(this.endRun(child, reason)),
    })
  }

  /** Contexts over the logs of the session's earlier runs; a log that is gone is left out. */
  async #historyOf(recorded: Recorded): Promise<readonly PastRun[]> {
    const start = recorded.find('run-start', 'start')
    const past: PastRun[] = []
    for (const run of start?.body.sessionRuns ?? []) {
      const entries = await this.#options.store.read(run)
      const [first] = entries
      if (first && isEntry(first, 'run-start')) past.push({ input: first.body.input, ctx: this.#pastContext(run, entries) })
    }
    return past
  }

  #pastContext(run: string, entries: readonly Entry[]): RunContext {
    const { rootRunId, clock, effects } = this.#options
    const recorded = new Recorded(entries)
    return createRunContext({
      runId: run,
      rootRunId,
      signal: this.#abort.signal,
      clock,
      recorded,
      writer: refusingWriter(run),
      turns: new Turns(recorded.turns()),
      inbox: new Inbox(clock, entries),
      activity: this.#activity,
      effects,
      budget: new TreeBudget({}),
      isPast: true,
      history: () => Promise.resolve([]),
      isClosed: () => this.#closed,
      isWatched: () => false,
      live: () => {},
      during: (work) => this.#activity.during(work),
      own: (open) => this.#own(run, open),
      runChild: () => Promise.reject(new TroupeError('run/ended', `run ${run} has ended`)),
      endChild: () => {},
    })
  }

  /** A run that has ended keeps nothing open, however long its caller goes on. */
  async #disown(run: string): Promise<void> {
    const owned = this.#owned.get(run) ?? []
    this.#owned.delete(run)
    await Promise.allSettled(owned.toReversed().map(async (resource) => resource[Symbol.asyncDispose]()))
  }

  async #own<T extends AsyncDisposable>(run: string, open: () => Promise<T>): Promise<T> {
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
    if (this.#diverged()) return this.#breakIfStillQuiet()
    if (!this.#isWaiting) return
    this.#isParking = true
    const isParked = await this.#park()
    this.#isParking = false
    if (!isParked) this.#activity.again()
  }

  #diverged(): OpenRun | undefined {
    return [...this.#open.values()].find(({ turns }) => turns.missing !== undefined)
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
    await Promise.all([...this.#owned.keys()].map((run) => this.#disown(run)))
    this.#open.clear()
    this.#ended.resolve(end)
  }
}

/** The outcome of an agent's control flow; what it throws is the caller's or the system's fault and fails the run, unless it says that code and log do not fit. */
async function settled(
  agent: AgentRef,
  input: RunInput,
  ctx: ReturnType<typeof createRunContext>,
): Promise<Omit<EntryBodies['run-end'], 'usage' | 'steps'>> {
  try {
    const outcome: AgentOutcome = await agent.activate(input, ctx)
    return outcome
  } catch (error) {
    if (TroupeError.is(error, 'run/incompatible')) throw error
    if (TroupeError.is(error, 'budget/spent')) return { status: 'limit', error: error.toJSON() }
    return { status: 'failed', error: TroupeError.wrap(error, 'agent/failed').toJSON() }
  }
}

function endOf(entries: readonly Entry[]): EntryBodies['run-end'] | undefined {
  const last = entries.findLast((entry) => entry.type === 'run-end')
  return last && isEntry(last, 'run-end') ? last.body : undefined
}

function outcomeOf(run: string, { status, output, error, usage }: EntryBodies['run-end']): ChildOutcome {
  return { status, usage, runId: run, ...(output !== undefined && { output }), ...(error && { error }) }
}

function incompatible(run: string, missing: string | undefined): TroupeError {
  return new TroupeError(
    'run/incompatible',
    `run ${run} does not do again what its log says: '${missing}' was recorded and is not asked for. The agent's code has changed since; run it with the version that began it`,
    { details: { run, missing: missing ?? null } },
  )
}
