import type { ErrorJson } from '../errors/troupe-error.ts'
import type { AnswerBody, CallBody, EntryBodies, EntryType, RunInput, RunStatus, WaitReason } from '../client/entry.ts'
import type { TransientEvent } from '../client/event.ts'
import type { Usage } from '../client/usage.ts'
import type { Budget, BudgetLimits } from './budget.ts'
import type { Parkable, RunSnapshot } from './snapshots.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'

/** All that the engine knows of an agent. */
export interface AgentRef<Output = unknown> {
  /** Never there at run time: carries the type of the agent's output. */
  readonly outputType?: Output
  readonly name: string
  readonly version: string
  /** Which texts its models are given, for the log. */
  readonly promptVersion?: string
  /** Caps on each run of the agent and all below it. */
  readonly budget?: BudgetLimits
  /** Its model, for rates that count by model. */
  readonly modelId?: string
  /** Those it may call: a worker that runs it also takes those of them that have a place in the queue. */
  readonly agents?: readonly AgentRef[]
  /** Whether an agent below it, at any depth, has a `placement`: then its budget is kept in the store. */
  readonly spreads?: boolean
  /** Where its runs execute when another agent calls it. Default: inside the caller's activation. */
  readonly placement?: Placement
  /** One activation of a run: plain control flow over `ctx`, gone through again from the top on every resume. */
  activate(input: RunInput, ctx: RunContext): Promise<AgentOutcome>
}

/**
 * `queue`: any worker of the store takes it, and the caller may park meanwhile. `remote`: `send` brings it to where it runs.
 * Its caller waits for the signal `endTopic(run)`.
 */
export type Placement = { readonly type: 'queue' } | { readonly type: 'remote'; send(task: RemoteTask): Promise<void> }

/**
 * A task for an agent that runs elsewhere, in another store. `send` may be asked twice for one `run`: the receiver tells
 * them apart by it. Its end is told by the signal `endTopic(run)` to `parentRun`, with a `ChildOutcome` as value.
 */
export interface RemoteTask {
  readonly run: string
  readonly parentRun: string
  readonly agent: string
  readonly input: RunInput
  readonly tenant?: string
}

/** How an agent's own control flow ended; thrown faults end the run as `failed` or `cancelled`. */
export interface AgentOutcome {
  /** `cancelled`: somebody said so to the agent itself, as a person may to a team. */
  readonly status: Extract<RunStatus, 'done' | 'limit' | 'cancelled'>
  /** Tagged JSON (util/codec). */
  readonly output?: JsonValue
  readonly error?: ErrorJson
}

/** What a managed agent's run gave its caller; it never throws for how the child ended. */
export interface ChildOutcome {
  readonly status: RunStatus
  readonly output?: JsonValue
  readonly error?: ErrorJson
  readonly usage: Usage
  readonly runId: string
}

/**
 * All that agent code sees of the engine: what goes through it is in the log, and nothing else reaches the outer world.
 * A key is a path, unique with its type in its run (`2.model`, `2.5`): identity is the key, never the order of effects.
 */
export interface RunContext {
  readonly runId: string
  /** Aborted when the run is cancelled, parked or taken over; `signal.reason` is the `TroupeError`. */
  readonly signal: AbortSignal
  /** What models and tools of this run and all below it may still use. */
  readonly budget: Budget
  /**
   * Runs an effect once and remembers what it gave, which must be plain JSON data. At-least-once in a crash, so each attempt gets the same idempotency
   * key. Throws what the effect threw, live and in replay, as `TroupeError`; `engine/nested` inside an effect.
   */
  step<T>(key: string, effect: (o: EffectContext) => Promise<T>, options?: StepOptions): Promise<T>
  /** Runs a managed agent as a run of its own, in this activation; its log tells how it ended. `signal` cancels it. */
  child(key: string, agent: AgentRef, input: RunInput, signal?: AbortSignal): Promise<ChildOutcome>
  /** Waits for an approval, a signal or a time; null when the time came first. A run that only waits may be parked. */
  wait(key: string, options: WaitOptions): Promise<JsonValue>
  /** The calls of one code action: recorded ones in order, and where to write the next. */
  action(step: number): Promise<ActionLog>
  /** Writes an event of agent code, before everything that is written later; the same key and type again is one event. */
  emit<Type extends EntryType>(key: string, type: Type, body: EntryBodies[Type]): Promise<void>
  /** The ended runs of the same session, oldest first. Their contexts only replay: what is not in their log is `run/ended`. */
  history(): Promise<readonly PastRun[]>
  /** Marks work that is no effect and needs no log, such as loading a module, so that the run is not taken for waiting. */
  during<T>(work: () => Promise<T>): Promise<T>
  /** Where a snapshot of the run's session is kept while it waits, where there is a place for one. */
  readonly snapshot?: RunSnapshot
  /** Opens a thing that lives as long as the activation, such as a sandbox session, and is disposed with it. */
  own<T extends Parkable>(open: () => Promise<T>): Promise<T>
}

/** An ended run of the same session. */
export interface PastRun {
  readonly input: RunInput
  readonly ctx: RunContext
}

export interface EffectContext {
  /** The same on every attempt of this effect: `runId:key`. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
  /** Whether anybody listens to `live` now; if not, what streams need not be made. */
  readonly isWatched: boolean
  /** Streams what is under way to listeners; never logged, may be lost. */
  live(event: TransientEvent): void
}

export interface StepOptions {
  /** The type of the memo's entry, when it is more than an `effect`. */
  readonly type?: 'effect' | 'model-end'
  /** Fields of the memo's entry besides value, error and duration. */
  readonly fields?: JsonObject
  /** What the effect is about to be asked, such as a prompt: never logged, shown to who goes through a log again. */
  readonly asked?: unknown
}

export interface WaitOptions {
  /** What a signal must be about. */
  readonly topic?: string
  /** Milliseconds since 1970; take it from logged time, never from the host's clock. */
  readonly until?: number
  /** Asks a person to decide; the answer is an `ApprovalAnswer`. */
  readonly approval?: { readonly reason: WaitReason; readonly question: string; readonly tool?: string; readonly args?: JsonValue }
  readonly question?: string
}

/** What a wait for an approval gives. */
export interface ApprovalAnswer {
  readonly decision: 'approve' | 'reject'
  readonly reason?: string
  /** The person says that it had happened, and with what result. */
  readonly result?: JsonValue
}

/** The calls of one code action, in one run's log. Its keys are ordered by the action alone. */
export interface ActionLog {
  /** Milliseconds since 1970: the logged start of the step, which the guest sees as the time. */
  readonly clock: number
  readonly seed: number
  readonly recorded: readonly CallRecord[]
  /** How the action ended, when the log knows: its code is still run again to rebuild the session. */
  readonly ended: EntryBodies['action-end'] | null
  /** One append for the calls of a turn: `asked` ones have to wait first, the others are dispatched next. */
  started(calls: readonly CallStart[]): Promise<void>
  /** Writes that a call of unknown outcome is made once more. */
  again(call: number, tool: string, repeat: number): Promise<void>
  /** One append for the answers that are ready together; the order given is the order of the log. */
  settled(answers: readonly Settled[]): Promise<void>
  /** Runs the effect of a call; what it gives is logged by `settled`. */
  dispatch<T>(call: number, effect: (o: EffectContext) => Promise<T>): Promise<T>
  /** Ends the action of an agent that runs no code: its calls are all that it is. */
  close(): void
  end(body: EntryBodies['action-end']): Promise<void>
  /** Tells that the guest is quiet (parking is allowed) or not. */
  quiet(isQuiet: boolean): void
}

export interface CallStart extends CallBody {
  readonly call: number
  readonly asked: boolean
}

export interface Settled {
  readonly call: number
  readonly tool: string
  readonly answer: AnswerBody
  readonly durationMs: number
  /** A managed agent's answer: `agent-end` has told the rest already. */
  readonly agent: boolean
}

/** What the log has of one call. `order` is null while it has no answer. */
export interface CallRecord extends CallBody {
  readonly call: number
  /** Dispatched at some time before; with no answer, its outcome is unknown. */
  readonly started: boolean
  /** How often it was made again after that, because a person said so. */
  readonly repeats: number
  readonly order: number | null
  readonly answer: AnswerBody | null
}
