import type { JsonValue } from '../util/json.ts'
import type { RunStatus, Wait } from '../client/entry.ts'
import type { RunEvent } from '../client/event.ts'
import type { Usage } from '../client/usage.ts'
import type { ErrorJson } from '../errors/troupe-error.ts'

interface ResultHead {
  readonly runId: string
  readonly usage: Usage
  readonly steps: number
}

/** How a run ended that did not fail; only `done` has an output of the schema's type. */
export type RunResult<Output = unknown> =
  | (ResultHead & { readonly status: 'done'; readonly output: Output })
  /** A cap or a budget came first; `output` is the best answer so far, of no promised type. */
  | (ResultHead & { readonly status: 'limit'; readonly output: unknown; readonly error: ErrorJson | null })
  | (ResultHead & { readonly status: 'cancelled'; readonly error: ErrorJson | null })

/** A run that only waits, for what and for whom. */
export interface WaitingResult extends ResultHead {
  readonly status: 'waiting'
  readonly waits: readonly Wait[]
}

/**
 * A run that has begun. `await run` gives its result, past any waiting, and rejects with the run's `TroupeError` when
 * it failed; `for await (… of run)` gives the events of its whole tree up to `run-end`. Left alone it never raises an
 * unhandled rejection.
 */
export interface Run<Output = unknown> extends PromiseLike<RunResult<Output>>, AsyncIterable<RunEvent> {
  readonly id: string
  /** Resolves when the run and all below it have ended as cancelled, or had ended before. */
  cancel(reason?: string): Promise<void>
  /** Resolves at the run's end or when it waits for something from outside. */
  untilWaiting(): Promise<RunResult<Output> | WaitingResult>
}

/** A run as its log tells it. */
export interface RunView {
  readonly runId: string
  readonly agent: string
  readonly task: string
  readonly parentRunId?: string
  readonly session?: string
  readonly tenant?: string
  /** The run whose entries before `step` this one began with. */
  readonly forkedFrom?: { readonly run: string; readonly step: number }
  /** `running`: no end is logged; whether a process is on it, a log cannot say. */
  readonly status: RunStatus | 'waiting' | 'running'
  readonly output: JsonValue
  readonly error: ErrorJson | null
  readonly usage: Usage
  readonly steps: number
  readonly waits: readonly Wait[]
  readonly createdAt: string
}
