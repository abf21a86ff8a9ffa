import { isEntry, LOG_VERSION, type Entry, type EntryBodies, type EntryType, type NewEntry, type RunInput } from '../client/entry.ts'
import type { EventOf, EventType, RunEvent } from '../client/event.ts'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { systemClock, type Clock } from '../util/clock.ts'
import { detach } from '../util/detach.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import { newRunId, rootOf } from '../util/run-id.ts'
import type { BudgetLimits } from './budget.ts'
import { endTree } from './end-tree.ts'
import type { AgentRef } from './context.ts'
import { decisionPlace } from './decisions.ts'
import type { EffectScope, EngineAdapter, HeadFilter, LogStore } from './engine.ts'
import { Projector } from './hub.ts'
import { Sessions } from './sessions.ts'
import { StoreWatch } from './store-watch.ts'
import { RunDriver, type RunDriverOptions } from './run-driver.ts'
import { eventsOf, runHandle } from './run-handle.ts'
import type { Run, RunView } from './run.ts'
import { damagedView, viewOf } from './run-view.ts'

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
}

export interface RunOptions {
  /** JSON values that model-written code finds as global variables. */
  readonly context?: JsonObject
  /** Data URLs or https URLs. */
  readonly images?: readonly string[]
  readonly maxSteps?: number
  /**
   * Makes this run one of a session: it sees what the ended runs of the same tenant, agent and id have done. Throws
   * `session/busy` while another run of the session has not ended.
   */
  readonly session?: string
  /** Of the session take over the words alone, not the variables. Default false. */
  readonly freshSandbox?: boolean
  /** Caps on the run and all agents that it calls, together. */
  readonly budget?: BudgetLimits
  readonly tenant?: string
  /** Called with each event of its type, of the whole tree; `all` with every one. One that throws is noted in the log and changes nothing. */
  readonly on?: EventHandlers
  /** Cancels the run when aborted. */
  readonly signal?: AbortSignal
  /** The id of the new run: letters, digits and `_`. Default: a new one. */
  readonly runId?: string
}

export type EventHandlers = { readonly [Type in EventType]?: (event: EventOf<Type>) => unknown } & {
  readonly all?: (event: RunEvent) => unknown
}

export interface Decision {
  /** Who decided, for the log. Default `user`. */
  readonly by?: string
  readonly reason?: string
  /** With an approval: the call had happened, with this result. */
  readonly result?: JsonValue
}

/** Opens a store and what runs agents on it. Close it with `await using` or `[Symbol.asyncDispose]()`. */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  return new Runtime(await options.engine.open(), options)
}

const DEFAULT_PARK_AFTER_MS = 5_000

/** Runs agents durably on one store. Runs that it holds when it closes are stopped as they stand and can be resumed. */
export class Runtime implements AsyncDisposable {
  readonly #store: LogStore
  readonly #effects: EffectScope
  readonly #clock: Clock
  readonly #parkAfterMs: number
  readonly #dropAtEnd: boolean
  readonly #agents = new Map<string, AgentRef>()
  readonly #drivers = new Map<string, RunDriver>()
  readonly #sessions: Sessions
  readonly #watch: StoreWatch

  constructor(store: LogStore, options: RuntimeOptions) {
    this.#store = store
    this.#sessions = new Sessions(store)
    this.#watch = new StoreWatch(store)
    this.#effects = options.engine.effects
    this.#clock = options.clock ?? systemClock
    this.#parkAfterMs = options.parkAfterMs ?? DEFAULT_PARK_AFTER_MS
    this.#dropAtEnd = options.dropAtEnd ?? false
    for (const agent of options.agents ?? []) this.#agents.set(agent.name, agent)
  }

  /** Starts a run at once. The handle is awaitable and iterable; left alone the run goes on. */
  run<Output>(agent: AgentRef<Output>, task: string, options: RunOptions = {}): Run<Output> {
    this.#agents.set(agent.name, agent)
    const runId = options.runId ?? newRunId(this.#clock.now())
    if (!/^\w+$/.test(runId)) throw new TroupeError('config/invalid', `the run id '${runId}' may have letters, digits and _ alone`)
    const { tenant, session: id } = options
    const body = {
      version: LOG_VERSION,
      agent: agent.name,
      agentVersion: agent.version,
      ...(agent.promptVersion !== undefined && { promptVersion: agent.promptVersion }),
      input: inputOf(task, options),
      rootRunId: runId,
      ...(tenant !== undefined && { tenant }),
    }
    const session = id === undefined ? undefined : { id, agent: agent.name, ...(tenant !== undefined && { tenant }) }
    const start = session
      ? async () => this.#entry('run-start', 'start', { ...body, sessionRuns: await this.#sessions.begin(session, runId) })
      : this.#entry('run-start', 'start', body)
    const driver = this.#drive(runId, async () => agent, {
      start,
      dropAtEnd: this.#dropAtEnd && !session,
      ...(session && { onBegun: () => this.#sessions.confirm(session, runId) }),
    })
    if (options.on) this.#tell(driver, options.on)
    const run = runHandle<Output>(driver)
    cancelOnAbort(run, driver.ended, options.signal)
    return run
  }

  /**
   * Goes on with a run after a crash, a stop or an answer; a run that has ended gives its result again. The handle
   * rejects with `run/not-found`, or `config/unknown-agent` when the agent of the log is not among `agents`.
   */
  resume(runId: string): Run {
    return runHandle(this.#drivers.get(runId) ?? this.#drive(runId, () => this.#agentOf(runId)))
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
    if (driver) {
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
    const driver = this.#drivers.get(runId)
    if (driver) return driver.cancel(error)
    if ((await this.#store.read(runId)).length === 0) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    await this.#drivers.get(rootOf(runId))?.cancelChild(runId, error)
    await endTree(this.#store, runId, { status: 'cancelled', reason: error, clock: this.#clock })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.stop()))
    await this.#store[Symbol.asyncDispose]()
  }

  #tell(driver: RunDriver, handlers: EventHandlers): void {
    const wantsLive = handlers.all !== undefined || handlers['model-delta'] !== undefined
    driver.hub.subscribe((event) => {
      // A handler under an event's type takes the events of that type; asynchronous ones are no exception to what is said above.
      const handler = handlers[event.type] as ((event: RunEvent) => unknown) | undefined
      const handled = async (): Promise<void> => {
        await Promise.all([handlers.all?.(event), handler?.(event)])
      }
      handled().catch((error: unknown) => {
        if (event.type === 'log') return
        const body = { level: 'error', message: `the handler of ${event.type} threw: ${messageOf(error)}` } as const
        this.#writeFromOutside(driver.runId, { at: this.#now(), type: 'log', body }).catch(() => {}) // An ended run takes no more notes.
      })
    }, wantsLive)
  }

  async #agentOf(runId: string): Promise<AgentRef> {
    const start = (await this.#store.read(runId))[0]
    if (!start || !isEntry(start, 'run-start')) throw new TroupeError('run/not-found', `no run ${runId} in this store`)
    const { agent: name, parentRunId } = start.body
    if (parentRunId !== undefined) throw new TroupeError('run/not-found', `run ${runId} belongs to ${rootOf(runId)}: resume that one`)
    const agent = this.#agents.get(name)
    if (!agent) throw new TroupeError('config/unknown-agent', `run ${runId} is of agent '${name}', which is not configured here`)
    return agent
  }

  #drive(
    runId: string,
    agent: () => Promise<AgentRef>,
    options: Partial<Pick<RunDriverOptions, 'start' | 'dropAtEnd' | 'onBegun'>> = {},
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
      ...options,
    })
    if (this.#drivers.has(runId)) return driver // Its store will refuse it: that run has begun.
    this.#drivers.set(runId, driver)
    const forget = (): void => {
      this.#drivers.delete(runId)
      this.#sessions.end(runId)
    }
    driver.ended.then(forget, forget)
    return driver
  }

  async #decide(verdict: 'approve' | 'reject', runId: string, callId: string | undefined, decision: Decision): Promise<void> {
    const { run, key } = decisionPlace(runId, await this.entries(runId), callId)
    const { by = 'user', reason, result } = decision
    const body = { decision: verdict, by, ...(reason !== undefined && { reason }), ...(result !== undefined && { result }) }
    try {
      await this.#writeFromOutside(run, this.#entry('approval-given', key, body))
    } catch (error) {
      if (TroupeError.is(error, 'engine/duplicate-key'))
        throw new TroupeError('run/already-decided', `call ${run}:${key} was decided already`)
      throw error
    }
  }

  async #writeFromOutside(run: string, entry: NewEntry): Promise<void> {
    const written = await this.#store.append(run, [entry], null)
    this.#drivers.get(rootOf(run))?.receive(written)
  }

  #entry<Type extends EntryType>(type: Type, key: string, body: EntryBodies[Type]): NewEntry<Type> {
    return { key, at: this.#now(), type, body }
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

function inputOf(task: string, { context, images, maxSteps, session, freshSandbox, budget }: RunOptions): RunInput {
  return {
    task,
    ...(context && { context }),
    ...(images && { images }),
    ...(maxSteps !== undefined && { maxSteps }),
    ...(session !== undefined && { session }),
    ...(freshSandbox !== undefined && { freshSandbox }),
    ...(budget && { budget }),
  }
}

function cancelOnAbort(run: Run, ended: Promise<unknown>, signal: AbortSignal | undefined): void {
  if (!signal) return
  const cancel = (): void => detach(run.cancel('cancelled by its signal'))
  if (signal.aborted) return cancel()
  signal.addEventListener('abort', cancel, { once: true })
  const forget = (): void => signal.removeEventListener('abort', cancel)
  ended.then(forget, forget)
}
