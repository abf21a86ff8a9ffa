import type { ErrorJson } from '../errors/troupe-error.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { RunStatus, Wait, WaitReason } from './entry.ts'
import type { Usage } from './usage.ts'

/** What every event carries. `seq` rises within one `runId`; transient events have none. */
interface EventHead {
  /** ISO 8601, UTC. */
  readonly at: string
  readonly runId: string
  readonly agent: string
  /** In the run of a managed agent: the run that called it. */
  readonly parentRunId?: string
  readonly seq?: number
}

/** The fields that `run-end`, `run-waiting` and `troupe run --json` share. */
export interface RunSummary {
  readonly status: RunStatus | 'waiting'
  readonly output: JsonValue
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number; readonly costUsd: number | null }
  readonly steps: number
  readonly error: ErrorJson | null
  readonly waits?: readonly Wait[]
}

/** The fields of each type of event, as `--json` prints them and a listener receives them. */
export interface EventBodies {
  'run-start': { readonly task: string }
  'run-waiting': RunSummary & { readonly status: 'waiting'; readonly waits: readonly Wait[] }
  'run-end': RunSummary & { readonly status: RunStatus }
  'step-start': { readonly step: number }
  'step-end': { readonly step: number; readonly error?: string; readonly usage: Usage }
  /** Transient. A new `attempt` says: drop what you showed. */
  'model-delta': { readonly step: number; readonly attempt: number; readonly text: string }
  'model-end': { readonly step: number; readonly text: string; readonly usage: Usage; readonly model: string; readonly error?: ErrorJson }
  code: { readonly step: number; readonly language: string; readonly code: string; readonly isolation: string }
  print: { readonly step: number; readonly text: string }
  policy: { readonly callId: string; readonly tool: string; readonly decision: string; readonly rule: string }
  'tool-start': { readonly callId: string; readonly tool: string; readonly args: JsonValue }
  'tool-end': {
    readonly callId: string
    readonly tool: string
    readonly output?: JsonValue
    readonly error?: { readonly name: string; readonly message: string }
    readonly durationMs: number
  }
  'approval-wanted': {
    readonly callId: string
    readonly tool?: string
    readonly args?: JsonValue
    readonly reason: WaitReason
    readonly question: string
  }
  'approval-given': { readonly callId: string; readonly decision: string; readonly by: string }
  /** Here `agent` is the agent that was called. */
  'agent-start': { readonly callId: string; readonly childRunId: string }
  'agent-end': { readonly callId: string; readonly childRunId: string; readonly status: RunStatus }
  plan: { readonly step?: number; readonly plan: string }
  state: { readonly from: string; readonly to: string; readonly why: string; readonly task?: string }
  'task-assigned': { readonly task: string; readonly owner: string; readonly attempt: number }
  'task-done': { readonly task: string; readonly owner: string }
  'task-rejected': { readonly task: string; readonly owner: string; readonly reasons: readonly string[] }
  budget: { readonly spent: JsonObject; readonly reserved: JsonObject; readonly limit: JsonObject }
  log: { readonly level: string; readonly message: string }
}

export type EventType = keyof EventBodies

/** One event of one type. */
export type EventOf<Type extends EventType> = EventHead & { readonly type: Type } & EventBodies[Type]

/** Every event, told apart by `type`. */
export type RunEvent = { [Type in EventType]: EventOf<Type> }[EventType]

/** What streams out of a running effect: never logged, may be lost. */
export type TransientEvent = { readonly type: 'model-delta' } & EventBodies['model-delta']
