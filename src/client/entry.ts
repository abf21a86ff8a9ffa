import type { ErrorJson } from '../errors/troupe-error.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { Usage } from './usage.ts'

/** The format of a run's log; written in its first entry, so that a reader of a later version knows what it has. */
export const LOG_VERSION = 1

/**
 * One line of a run's log. With a `key` it is the memo of an effect or an event of agent code, unique with its type in
 * its run; without one it came from outside the run. `seq` rises by one within a run, from 1.
 */
export interface Entry<Type extends EntryType = EntryType> {
  readonly run: string
  readonly seq: number
  readonly key?: string
  /** Which activation's owner wrote it; 0: written from outside. */
  readonly epoch: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly type: Type
  readonly body: EntryBodies[Type]
}

/** An entry as it is handed to the store, which adds `seq`. */
export interface NewEntry<Type extends EntryType = EntryType> {
  readonly key?: string
  readonly at: string
  readonly type: Type
  readonly body: EntryBodies[Type]
}

export type EntryType = keyof EntryBodies

/** What a run is asked to do: plain data, the same after any number of resumes. */
export interface RunInput {
  readonly task: string
  readonly context?: JsonObject
  readonly images?: readonly string[]
  readonly maxSteps?: number
  readonly session?: string
  /** Take over the words of the session's earlier runs, and not their variables. */
  readonly freshSandbox?: boolean
  /** Caps on the run and all below it; see engine/budget. */
  readonly budget?: { readonly tokens?: number; readonly costUsd?: number; readonly toolCalls?: number; readonly timeMs?: number }
}

/** The memo of an effect: what it gave, or the error it threw. */
export type Memo<Value = JsonValue> =
  | { readonly value: Value; readonly durationMs?: number }
  | { readonly error: ErrorJson; readonly durationMs?: number }

/** What every reader of a log may rely on in a model's recorded reply; models/ask writes more. */
export interface LoggedReply {
  readonly text: string
  readonly usage: Usage
  readonly modelId: string
}

/** An answer to a call of model-written code; `value` is tagged JSON text (util/codec). */
export type AnswerBody =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly error: { readonly name: string; readonly message: string } }

export type RunStatus = 'done' | 'failed' | 'limit' | 'cancelled'

/** Why a run waits, and for whom. */
export interface Wait {
  /** Global: `runId:2.5`. */
  readonly callId: string
  readonly reason: WaitReason
  readonly question: string
}

export type WaitReason = 'approval' | 'unknown-outcome' | 'signal' | 'timer'

export interface CallBody {
  readonly tool: string
  /** Tagged JSON text, as the code or the model sent it. */
  readonly args: string
}

/** Caps that an agent in another store was given; what is absent is not capped. */
export interface LoanBody {
  readonly tokens?: number
  readonly costUsd?: number
  readonly toolCalls?: number
  /** What is to be settled in the ledger when it has ended. */
  readonly ticket?: string
}

/** The body of every type of entry: the shapes that all readers of a log share. */
export interface EntryBodies {
  'run-start': {
    readonly version: number
    readonly agent: string
    readonly agentVersion: string
    readonly promptVersion?: string
    readonly input: RunInput
    readonly rootRunId: string
    readonly parentRunId?: string
    /** The key of the parent's call that started this run. */
    readonly parentKey?: string
    /** The ended runs of the same session, oldest first: what this run knows of the past. */
    readonly sessionRuns?: readonly string[]
    readonly tenant?: string
    /** The run whose entries before `step` this one began with. */
    readonly forkedFrom?: { readonly run: string; readonly step: number }
    /** What the seeds of its steps are made of, where that is not its own id: a fork keeps those of its origin. */
    readonly seedOf?: string
    /** Budgets above it that are kept in the store, because it runs apart from its caller. */
    readonly budgets?: readonly { readonly id: string; readonly limits: NonNullable<RunInput['budget']> }[]
  }
  /** From outside: another version of the agent goes on with the run; what its code does not ask for again is passed over. */
  adopted: { readonly agentVersion: string }
  'run-waiting': { readonly waits: readonly Wait[]; readonly usage: Usage; readonly steps: number }
  'run-end': {
    readonly status: RunStatus
    /** Tagged JSON. */ readonly output?: JsonValue
    readonly error?: ErrorJson
    readonly usage: Usage
    readonly steps: number
  }

  'step-start': { readonly step: number }
  'step-end': { readonly step: number; readonly error?: string; readonly usage: Usage }
  'model-end': { readonly step: number } & Memo<LoggedReply>
  code: { readonly step: number; readonly language: string; readonly code: string; readonly isolation: string }
  print: { readonly step: number; readonly text: string }
  /** How a code action ended: what the transcript is built from. */
  'action-end': {
    readonly step: number
    readonly execution: JsonValue
    readonly prints: string
    readonly fuel: number
    readonly poisoned: boolean
    readonly isolation: string
  }

  /** A call whose start has to wait: for an approval, or because it is an agent. */
  'call-asked': CallBody
  'tool-start': CallBody
  /** A call whose outcome was unknown is made once more, because a person said so. */
  'tool-again': { readonly tool: string }
  /** `order`: the place of the answer among those of its action, from 1. */
  'tool-end': { readonly tool: string; readonly answer: AnswerBody; readonly order: number; readonly durationMs: number }
  'call-settled': { readonly tool: string; readonly answer: AnswerBody; readonly order: number }
  'agent-start': { readonly agent: string; readonly childRunId: string }
  'agent-end': {
    readonly agent: string
    readonly childRunId: string
    readonly status: RunStatus
    readonly usage: Usage
    /** Tagged JSON; with an error, the best answer so far. */
    readonly output?: JsonValue
    readonly error?: ErrorJson
  }

  /** A generic memo of `RunContext.step`. */
  effect: Memo
  policy: { readonly tool: string; readonly decision: 'allow' | 'deny' | 'ask'; readonly rule: string }
  'wait-start': {
    readonly topic?: string
    readonly until?: number
    readonly question?: string
    /** What was lent to the agent in another store whose end is waited for. */
    readonly loan?: LoanBody
  }
  'approval-wanted': { readonly tool?: string; readonly args?: JsonValue; readonly reason: WaitReason; readonly question: string }
  /** From outside, with the key of what it decides: a second decision meets the first one's key. */
  'approval-given': { readonly decision: 'approve' | 'reject'; readonly by: string; readonly reason?: string; readonly result?: JsonValue }
  signal: { readonly topic: string; readonly value: JsonValue }
  /** What the run saw of the outside, and when: `from` is the seq of the entry that ended the wait. */
  'wait-end': { readonly value: JsonValue; readonly from?: number }

  plan: { readonly step?: number; readonly plan: string }
  state: { readonly from: string; readonly to: string; readonly why: string; readonly task?: string }
  /** An attempt at a task of a plan begins, from 1. */
  'task-assigned': { readonly task: string; readonly owner: string; readonly attempt: number }
  'task-done': { readonly task: string; readonly owner: string }
  /** Sent back to its owner, or given up when the task's next state says so. */
  'task-rejected': { readonly task: string; readonly owner: string; readonly reasons: readonly string[] }
  budget: { readonly spent: JsonObject; readonly reserved: JsonObject; readonly limit: JsonObject }
  log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
}

/** Narrows an entry to one type. */
export function isEntry<Type extends EntryType>(entry: Entry, type: Type): entry is Entry<Type> {
  return entry.type === type
}

/** The key of the call that a key below it belongs to: `2.5` for `2.5.approval` and `2.5.outcome.2`. */
export function callKeyOf(key: string): string {
  return key.replace(/\.(approval|outcome(\.\d+)?)$/, '')
}

/** The global id of a call, made of its run and its key: `runId:2.5`. */
export function callIdOf(run: string, key: string): string {
  return `${run}:${callKeyOf(key)}`
}
