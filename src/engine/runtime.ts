import { isEntry, LOG_VERSION, type Entry, type EntryBodies, type EntryType, type NewEntry } from '../client/entry.ts'
import type { RunEvent, TransientEvent } from '../client/event.ts'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { systemClock, type Clock } from '../util/clock.ts'
import { detach } from '../util/detach.ts'
import type { JsonValue } from '../util/json.ts'
import { isInTree, lineOf, newRunId, rootOf } from '../util/run-id.ts'
import { endTree } from './end-tree.ts'
import type { AgentRef } from './context.ts'
import { decisionPlace, isDecidedIn } from './decisions.ts'
import type { EffectScope, EngineAdapter, HeadFilter, LogStore, SessionKey } from './engine.ts'
import { forkOf, lastStepOf, type NewLog } from './fork.ts'
import { Projector } from './hub.ts'
import type { Admission, QueueDepth, QueueState, QueueTurn } from './queue.ts'
import { RunFollower } from './run-follower.ts'
import {
  inputOf,
  isQueued,
  itemOf,
  type Decision,
  type EventHandlers,
  type QueueOptions,
  type ResumeOptions,
  type RunOptions,
} from './run-options.ts'
import { Sessions } from './sessions.ts'
import type { TenantBudgets } from './shared-budget.ts'
import { StoreWatch } from './store-watch.ts'
import { RunDriver, type RunDriverOptions } from './run-driver.ts'
import { eventsOf, runHandle } from './run-handle.ts'
import type { Driven } from './driven.ts'
import type { Run, RunView } from './run.ts'
import { damagedView, viewOf } from './run-view.ts'
import { isCompatible, versionOf } from './versions.ts'
import { RuntimeWorker, type WorkOptions } from './worker.ts'

export type { Decision, EventHandlers, QueueOptions, ResumeOptions, RunOptions } from './run-options.ts'

export interface RuntimeOptions {
  /** Where the logs are kept, such as `sqlite({ path })`. */
  readonly engine: EngineAdapter
  /** Agents that `resume` may find by the name in a log; those given to `run` are added. */
  readonly agents?: readonly AgentRef[]
  /** How long a run may only wait before it gives up its memory. Default 5,000. */
  readonly parkAfterMs?: number
  readonly clock?: Clock
  /** Forget each run at its end. Default false. */
  readonly dropAtEnd?: boolean
  /** How many runs may be queued before new ones are refused with `queue/full`. Default 10,000 in the whole store. */
  readonly admission?: Admission
  /** What the runs of a tenant may use together, a day and a month. */
  readonly tenantBudgets?: TenantBudgets
}

/** Opens a store and what runs agents on it. Close it with `await using` or `[Symbol.asyncDispose]()`. */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  return new Runtime(await options.engine.open(), options)
}

const DEFAULT_PARK_AFTER_MS = 5_000
/** How often one who waits for a queued run looks whether the store has lost its worker. */
const SERVE_LOOK_MS = 1_000

/** Runs agents durably on one store. Runs that it holds when it closes are stopped as they stand and can be resumed. */
export class Runtime implements AsyncDisposable {
  readonly #store: LogStore
  readonly #effects: EffectScope
  readonly #clock: Clock
  readonly #parkAfterMs: number
  readonly #dropAtEnd: boolean
  readonly #agents = new Map<string, AgentRef>()
  readonly #drivers = new Map<string, RunDriver>()
  readonly #followers = new Set<RunFollower>()
  readonly #admission: Admission | undefined
  readonly #tenantBudgets: TenantBudgets | undefined
  readonly #sessions: Sessions
  readonly #watch: StoreWatch
  /** Those who follow a log are told when this process has written to one. */
  readonly #listeners = new Set<() => void>()
  #worker: Promise<RuntimeWorker> | null = null

  constructor(store: LogStore, options: RuntimeOptions) {
    this.#store = store
    this.#sessions = new Sessions(store)
    this.#watch = new StoreWatch(store)
    this.#effects = options.engine.effects
    this.#clock = options.clock ?? systemClock
    this.#parkAfterMs = options.parkAfterMs ?? DEFAULT_PARK_AFTER_MS
    this.#dropAtEnd = options.dropAtEnd ?? false
    this.#admission = options.admission
    this.#tenantBudgets = options.tenantBudgets
    for (const agent of options.agents ?? []) this.#learn(agent)
  }

  /**
   * Starts a run at once. The handle is awaitable and iterable; left alone the run goes on. With an option of the queue it
   * waits for its turn, and a worker drives it: one of another process, or of this one, which starts one of its own
   * where the store has none (memory, SQLite).
   */
  run<Output>(agent: AgentRef<Output>, task: string, options: RunOptions & QueueOptions = {}): Run<Output> {
    this.#learn(agent)
    const runId = this.#idOf(options)
    const run = isQueued(options) ? this.#runQueued(runId, agent, task, options) : this.#runHere(runId, agent, task, options)
    if (options.on) this.#tell(run, options.on)
    const handle = runHandle<Output>(run)
    cancelOnAbort(handle, run.ended, options.signal)
    return handle
  }

  /**
   * Queues a run for whichever worker has a turn for it, and gives its id when that is durable. Throws `queue/full`
   * (`details.retryAfterMs`), `queue/duplicate` (`details.runId`), `session/busy`.
   */
  async enqueue(agent: AgentRef, task: string, options: Omit<RunOptions, 'on' | 'signal'> & QueueOptions = {}): Promise<string> {
    const runId = this.#idOf(options)
    await this.#enqueue(runId, agent, task, options)
    return runId
  }

  /** Takes runs from the queue until it is drained. Throws `queue/taken` where the store has its one worker already. */
  async work(options: WorkOptions = {}): Promise<RuntimeWorker> {
    const starting = RuntimeWorker.start(
      {
        queue: this.#store.queue,
        agents: [...this.#agents.keys()],
        drive: (turn) => this.#driveTurn(turn),
        onWritten: () => this.#tellWritten(),
      },
      options,
    )
    this.#worker = starting
    starting.catch(() => {
      if (this.#worker === starting) this.#worker = null
    })
    return starting
  }

  /**
   * Goes on with a run after a crash, a stop or an answer; a run that has ended gives its result again. One that stands in
   * the queue is taken from there, unless a worker drives it. The handle rejects with `run/not-found`, `run/busy` while another
   * process drives it, or `config/unknown-agent` when the agent of the log is not among `agents`.
   */
  resume(runId: string, options: ResumeOptions = {}): Run {
    const driver = this.#drivers.get(runId)
    if (driver) return runHandle(driver.isTurn ? this.#follow(runId) : driver)
    const begin = options.adopt ? async (): Promise<void> => this.#adopt(runId) : undefined
    return runHandle(
      this.#drive(runId, () => this.#agentOf(runId), {
        ...(begin && { onResume: begin }),
        ...(options.takeOver && { claim: { takeOver: true } }),
      }),
    )
  }

  /** The handle of a run that others drive: it tells what their log tells. Rejects with `run/not-found`. */
  follow(runId: string): Run {
    const driver = this.#drivers.get(runId)
    return runHandle(driver && !driver.isTurn ? driver : this.#follow(runId))
  }

  /**
   * A new run whose log starts with the entries of another before `step`, and gives its id; `resume` runs it. The code of
   * earlier steps runs again, their effects do not. Throws `run/not-found`, `config/invalid` for a step that was not begun.
   */
  async fork(runId: string, options: { readonly step: number; readonly runId?: string }): Promise<string> {
    const newRun = options.runId ?? newRunId(this.#clock.now())
    await this.#begin(forkOf(runId, await this.entries(runId), options.step, newRun, this.#now()))
    return newRun
  }

  /** Forks a run that failed before the step in which it did, and gives the id; `resume` runs it. Throws `run/not-ended` for one that goes on. */
  async redrive(runId: string): Promise<string> {
    const tree = await this.entries(runId)
    const { status } = viewOf(runId, tree)
    if (status === 'running' || status === 'waiting')
      throw new TroupeError('run/not-ended', `run ${runId} is ${status}: there is nothing to redrive; resume it, or cancel it first`)
    return this.fork(runId, { step: Math.max(1, lastStepOf(runId, tree)) })
  }

  /** How a run stands in the queue; null when it is not there: it was run at once, or has ended. */
  async queued(runId: string): Promise<QueueState | null> {
    return this.#store.queue.get(runId)
  }

  /** Whether a worker lives that takes runs of this store, in whatever process. */
  async isServed(): Promise<boolean> {
    return this.#store.queue.isServed()
  }

  async depth(): Promise<QueueDepth> {
    return this.#store.queue.depth()
  }

  /** Entries of all runs after a cursor, in an order that never changes: what is published from the log. */
  async feed(after: string | null, limit: number = 1_000): Promise<{ readonly cursor: string | null; readonly entries: readonly Entry[] }> {
    return this.#store.feed(after, limit)
  }

  async get(runId: string): Promise<RunView> {
    return viewOf(runId, await this.entries(runId))
  }

  /** Newest first. A run whose log cannot be read is there too, as `failed` with `engine/log-corrupt`. */
  async list(filter: HeadFilter = {}): Promise<readonly RunView[]> {
    const heads = await this.#store.heads({ rootsOnly: true, ...filter })
    return Promise.all(heads.map((head) => this.get(head.run).catch((error: unknown) => damagedView(head, error))))
  }

  /** The log of a run and of all runs below it, in the order of writing; empty for an unknown run. */
  async entries(runId: string): Promise<readonly Entry[]> {
    return this.#store.readTree(runId)
  }

  /** The events of a run's tree after seq `after` of the run: those logged, then, if this process drives it, those to come. */
  async *events(runId: string, options: { readonly after?: number } = {}): AsyncGenerator<RunEvent, void, undefined> {
    const driver = this.#drivers.get(runId)
    if (driver && !driver.isTurn) {
      yield* eventsOf(driver, options.after)
      return
    }
    const entries = await this.entries(runId)
    if (entries.length === 0) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    const projector = new Projector()
    for (const entry of entries) {
      const event = projector.project(entry)
      if (event && !(entry.run === runId && entry.seq <= (options.after ?? 0))) yield event
    }
  }

  /** Gives a value to whoever waits, or will wait, for `topic` in this run. */
  async signal(runId: string, topic: string, value: JsonValue): Promise<void> {
    await this.#writeFromOutside(runId, { at: this.#now(), type: 'signal', body: { topic, value } })
  }

  /** Lets a waiting call go on. Without `callId`: the only one that waits. */
  async approve(runId: string, callId?: string, decision: Decision = {}): Promise<void> {
    await this.#decide('approve', runId, callId, decision)
  }

  /** Refuses a waiting call: its caller sees an error. Without `callId`: the only one that waits. */
  async reject(runId: string, callId?: string, decision: Decision = {}): Promise<void> {
    await this.#decide('reject', runId, callId, decision)
  }

  /** Ends a run and all below it as cancelled, wherever it stands. Throws `run/not-found`; an ended run stays as it is. */
  async cancel(runId: string, reason: string = 'cancelled by the caller'): Promise<void> {
    const error = new TroupeError('run/cancelled', reason)
    await this.#drivers.get(runId)?.cancel(error)
    if ((await this.#store.read(runId)).length === 0) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    await this.#driverAbove(runId)?.cancelChild(runId, error)
    await endTree(this.#store, runId, { status: 'cancelled', reason: error, clock: this.#clock })
    this.#tellWritten()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = await this.#worker?.catch(() => null)
    await worker?.drain(0)
    await Promise.all([...this.#drivers.values(), ...this.#followers].map((driver) => driver.stop()))
    await this.#store[Symbol.asyncDispose]()
  }

  #learn(agent: AgentRef): void {
    this.#agents.set(agent.name, agent)
    for (const called of queuedBelow(agent)) this.#agents.set(called.name, called)
  }

  #idOf(options: RunOptions): string {
    const runId = options.runId ?? newRunId(this.#clock.now())
    if (!/^\w+$/.test(runId)) throw new TroupeError('config/invalid', `the run id '${runId}' may have letters, digits and _ alone`)
    return runId
  }

  #startOf(runId: string, agent: AgentRef, task: string, options: RunOptions): EntryBodies['run-start'] {
    return {
      version: LOG_VERSION,
      agent: agent.name,
      agentVersion: agent.version,
      ...(agent.promptVersion !== undefined && { promptVersion: agent.promptVersion }),
      input: inputOf(task, options),
      rootRunId: runId,
      ...(options.tenant !== undefined && { tenant: options.tenant }),
    }
  }

  #runHere(runId: string, agent: AgentRef, task: string, options: RunOptions): RunDriver {
    const body = this.#startOf(runId, agent, task, options)
    const session = sessionOf(agent, options)
    const start = session
      ? async () => this.#entry('run-start', 'start', { ...body, sessionRuns: await this.#sessions.begin(session, runId) })
      : this.#entry('run-start', 'start', body)
    return this.#drive(runId, async () => agent, {
      start,
      dropAtEnd: this.#dropAtEnd && !session,
      ...(session && { onBegun: () => this.#sessions.confirm(session, runId) }),
    })
  }

  #runQueued(runId: string, agent: AgentRef, task: string, options: RunOptions & QueueOptions): RunFollower {
    itemOf(runId, agent, options, this.#clock.now()) // Misspelt numbers are the caller's fault, told at once.
    const follower = this.#follow(runId, async () => {
      await this.#enqueue(runId, agent, task, options)
      await this.#ensureWorker()
    })
    this.#keepServed(follower)
    return follower
  }

  /** The process that serves the store may go before the run has ended: then this one takes its place. */
  #keepServed(follower: RunFollower): void {
    if (!this.#store.queue.isEmbedded || !this.#store.shared) return
    const timer = setInterval(() => {
      this.#ensureWorker().catch(() => {}) // The follower meets the same fault and says so.
    }, SERVE_LOOK_MS)
    const stop = (): void => clearInterval(timer)
    follower.ended.then(stop, stop)
  }

  async #enqueue(runId: string, agent: AgentRef, task: string, options: RunOptions & QueueOptions): Promise<void> {
    this.#learn(agent)
    const item = itemOf(runId, agent, options, this.#clock.now())
    const session = sessionOf(agent, options)
    const body = this.#startOf(runId, agent, task, options)
    try {
      const start = session ? { ...body, sessionRuns: await this.#sessions.begin(session, runId) } : body
      await this.#store.queue.enqueue(this.#entry('run-start', 'start', start), item, this.#admission)
      if (session) await this.#sessions.confirm(session, runId)
    } finally {
      this.#sessions.end(runId)
    }
    this.#tellWritten()
  }

  /** A run that nobody would ever take is no service: where the store takes one worker and has none, this process is it. */
  async #ensureWorker(): Promise<void> {
    if (this.#worker || !this.#store.queue.isEmbedded) return
    try {
      await this.work()
    } catch (error) {
      if (!TroupeError.is(error, 'queue/taken')) throw error
    }
  }

  #driveTurn(turn: QueueTurn): RunDriver | null {
    if (this.#drivers.has(turn.run)) return null
    const claim = turn.ticket === undefined ? {} : { claim: { ticket: turn.ticket } }
    const followers = (): readonly RunFollower[] => [...this.#followers].filter((follower) => isInTree(turn.run, follower.runId))
    const audience = {
      isThere: () => followers().some(({ hub }) => hub.isWatched),
      live: (run: string, event: TransientEvent) => followers().forEach(({ hub }) => hub.live(run, event)),
    }
    return this.#drive(turn.run, () => this.#agentOf(turn.run, true), { isTurn: true, audience, ...claim })
  }

  #follow(runId: string, begin?: () => Promise<void>): RunFollower {
    const follower = new RunFollower({
      store: this.#store,
      runId,
      ...(begin && { begin }),
      subscribe: (onChange) => {
        this.#listeners.add(onChange)
        const unsubscribe = this.#watch.subscribe(onChange)
        return () => {
          this.#listeners.delete(onChange)
          unsubscribe()
        }
      },
      cancel: (reason) => this.cancel(runId, reason.message),
    })
    this.#followers.add(follower)
    const forget = (): boolean => this.#followers.delete(follower)
    follower.ended.then(forget, forget)
    return follower
  }

  #tellWritten(): void {
    for (const listener of this.#listeners) listener()
  }

  /** The driver of the nearest run above, whose activation has the run or waits for it. */
  #driverAbove(runId: string): RunDriver | undefined {
    const line = lineOf(runId).slice(1)
    return line.map((run) => this.#drivers.get(run)).find((driver) => driver !== undefined)
  }

  async #adopt(runId: string): Promise<void> {
    const agent = await this.#agentOf(runId)
    const known = versionOf(await this.#store.read(runId))
    const body = { agentVersion: agent.version }
    await this.#writeFromOutside(runId, { at: this.#now(), type: 'adopted', body })
    const message = `adopted by ${agent.name} ${agent.version}${isCompatible(known, agent.version) ? '' : `, begun by ${known}`}`
    await this.#writeFromOutside(runId, { at: this.#now(), type: 'log', body: { level: 'info', message } })
  }

  /** Children first: a log without its root is seen by nobody. */
  async #begin(logs: readonly NewLog[]): Promise<void> {
    for (const { run, start, rest } of logs) await this.#store.create(run, start, { rest })
  }

  #tell(driver: Driven, handlers: EventHandlers): void {
    const wantsLive = handlers.all !== undefined || handlers['model-delta'] !== undefined
    const byType = handlers as Readonly<Record<string, ((event: RunEvent) => unknown) | undefined>>
    const failed = (event: RunEvent, error: unknown): void => {
      if (event.type === 'log') return
      const body = { level: 'error', message: `the handler of ${event.type} threw: ${messageOf(error)}` } as const
      this.#writeFromOutside(driver.runId, { at: this.#now(), type: 'log', body }).catch(() => {}) // An ended run takes no more notes.
    }
    const tell = (event: RunEvent): void => {
      // A handler under an event's type takes the events of that type; asynchronous ones are no exception to what is said above.
      const handler = byType[event.type]
      try {
        const [all, own] = [handlers.all?.(event), handler?.(event)]
        if (all !== undefined || own !== undefined) Promise.all([all, own]).catch((error: unknown) => failed(event, error))
      } catch (error) {
        queueMicrotask(() => failed(event, error))
      }
    }
    driver.hub.subscribe(tell, wantsLive, (type) => handlers.all !== undefined || byType[type] !== undefined)
  }

  async #agentOf(runId: string, isTurn: boolean = false): Promise<AgentRef> {
    const start = (await this.#store.read(runId))[0]
    if (!start || !isEntry(start, 'run-start')) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    const { agent: name, parentRunId } = start.body
    if (parentRunId !== undefined && !isTurn)
      throw new TroupeError('run/not-found', `run ${runId} belongs to ${rootOf(runId)}: resume that one`)
    const agent = this.#agents.get(name)
    if (!agent) throw new TroupeError('config/unknown-agent', `run ${runId} is of agent '${name}', which is not configured here`)
    return agent
  }

  #drive(
    runId: string,
    agent: () => Promise<AgentRef>,
    options: Partial<Pick<RunDriverOptions, 'start' | 'dropAtEnd' | 'onBegun' | 'onResume' | 'claim' | 'isTurn' | 'audience'>> = {},
  ): RunDriver {
    const driver = new RunDriver({
      store: this.#store,
      watch: this.#watch,
      effects: this.#effects,
      clock: this.#clock,
      parkAfterMs: this.#parkAfterMs,
      runId,
      agent,
      dropAtEnd: false,
      tenantBudgets: this.#tenantBudgets,
      onPublished: () => this.#tellWritten(),
      ...options,
    })
    if (this.#drivers.has(runId)) return driver // Its store will refuse it: that run has begun.
    this.#drivers.set(runId, driver)
    driver.turn.then(
      () => {
        this.#drivers.delete(runId)
        this.#sessions.end(runId)
        this.#tellWritten()
        const above = this.#driverAbove(runId)
        if (above) detach(above.hear())
      },
      () => {},
    )
    return driver
  }

  async #decide(verdict: 'approve' | 'reject', runId: string, callId: string | undefined, decision: Decision): Promise<void> {
    const { run, key } = decisionPlace(runId, await this.entries(runId), callId)
    const { by = 'user', reason, result } = decision
    const body = { decision: verdict, by, ...(reason !== undefined && { reason }), ...(result !== undefined && { result }) }
    try {
      await this.#writeFromOutside(run, this.#entry('approval-given', key, body))
    } catch (error) {
      // A run that went on with somebody else's decision may have ended since it was looked at.
      const isLate = TroupeError.is(error, 'run/ended') && isDecidedIn(await this.#store.read(run), key)
      if (isLate || TroupeError.is(error, 'engine/duplicate-key'))
        throw new TroupeError('run/already-decided', `call ${run}:${key} was decided already`)
      throw error
    }
  }

  async #writeFromOutside(run: string, entry: NewEntry): Promise<void> {
    const written = await this.#store.append(run, [entry], null)
    const line = lineOf(run)
    line
      .map((above) => this.#drivers.get(above))
      .find((driver) => driver !== undefined)
      ?.receive(written)
    this.#tellWritten()
  }

  #entry<Type extends EntryType>(type: Type, key: string, body: EntryBodies[Type]): NewEntry<Type> {
    return { key, at: this.#now(), type, body }
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

/** The agents that runs of an agent may put into the queue, at any depth. */
function queuedBelow({ agents = [] }: AgentRef): readonly AgentRef[] {
  return agents.flatMap((called) => [...(called.placement?.type === 'queue' ? [called] : []), ...queuedBelow(called)])
}

function sessionOf(agent: AgentRef, { session: id, tenant }: RunOptions): SessionKey | undefined {
  return id === undefined ? undefined : { id, agent: agent.name, ...(tenant !== undefined && { tenant }) }
}

function cancelOnAbort(run: Run, ended: Promise<unknown>, signal: AbortSignal | undefined): void {
  if (!signal) return
  const cancel = (): void => detach(run.cancel('cancelled by its signal'))
  if (signal.aborted) return cancel()
  signal.addEventListener('abort', cancel, { once: true })
  const forget = (): void => signal.removeEventListener('abort', cancel)
  ended.then(forget, forget)
}
