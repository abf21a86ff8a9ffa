import type { JsonObject } from '../util/json.ts'
import type { Limits } from './limits.ts'

export type Isolation = 'interpreter' | 'namespace' | 'container' | 'gvisor'
export type Language = 'typescript' | 'python'

/**
 * A place where model-written code runs. It hands out frames and is handed answers: no callback of the host runs in a
 * worker's or socket's context, so trace context and cancellation hold inside a tool call, and replay is the same loop.
 */
export interface Sandbox {
  /** The name that configuration and `--sandbox` use, such as `quickjs`. */
  readonly name: string
  readonly languages: readonly Language[]
  readonly capabilities: Capabilities
  /** Lines for the system prompt: what of a language there is not here. */
  readonly notes?: Readonly<Partial<Record<Language, readonly string[]>>>
  /**
   * Looks whether this machine can give the isolation, before anything runs, and gives the version of what gives it.
   * Throws as `open` does. Absent where there is nothing to look at.
   */
  check?(language: Language): Promise<string>
  /**
   * Throws `sandbox/unavailable`, saying what is missing and how to install it, when this machine cannot give the isolation;
   * `sandbox/snapshot-refused` for a snapshot that does not fit: replay the steps instead.
   */
  open(options: OpenOptions): Promise<SandboxSession>
}

export interface Capabilities {
  readonly isolation: Isolation
  readonly parallelCalls: boolean
  readonly snapshots: boolean
  /** Whether the same answers in the same order make the same code do the same, so that replay is exact. */
  readonly deterministic: boolean
  /** Whether `limits.fuel` is enforced, the same in every replay; elsewhere time alone stops code that computes too long. */
  readonly fuel: boolean
}

export interface OpenOptions {
  readonly language: Language
  readonly limits: Limits
  /** Functions that the code can call; an agent of the team is one too. */
  readonly tools: readonly GuestFunction[]
  /** JSON values that become global variables. */
  readonly context: JsonObject
  readonly snapshot?: Snapshot
}

/** What a sandbox must know of a tool: its name and, for positional arguments, the order of its parameters. */
export interface GuestFunction {
  readonly name: string
  /** Property names of the input schema, in the schema's order. */
  readonly parameters: readonly string[]
  /** The declaration as the prompt shows it; quoted in the error for arguments that do not fit. */
  readonly signature: string
}

/** One persistent world of one run: declarations of a step are there in the next. */
export interface SandboxSession extends AsyncDisposable {
  /** Runs one step. The stream ends after `end`, or throws `sandbox/closed` when the session died. One at a time. */
  execute(code: string, options: ExecuteOptions): AsyncIterable<Frame>
  /** Gives the answer of an open call; exactly one guest turn, after which `idle` or `end` comes. */
  reply(call: number, answer: Answer): void
  /** After a restore in the middle of a step: open calls come again as frames, then `idle`, and the step goes on. */
  resume(options?: Pick<ExecuteOptions, 'signal'>): AsyncIterable<Frame>
  /** Only after `idle` or `end`; null where the adapter has none, or where running the code again costs no more. */
  snapshot(): Promise<Snapshot | null>
}

export interface ExecuteOptions {
  readonly step: number
  readonly signal: AbortSignal
  /** Milliseconds since 1970, UTC: what the guest's clock says during the whole step. */
  readonly clock: number
  readonly seed: number
}

/**
 * What a session sends, in order. A guest turn (`execute` or one `reply`) is run until the guest is quiet; then come
 * its prints and calls and one `idle`, or `end`. `returned`: the main code has settled while calls are still open.
 */
export type Frame =
  | {
      readonly type: 'call'
      readonly call: number
      readonly tool: string
      /** Tagged JSON text (util/codec): what is compared in replay is what was sent. */ readonly args: string
    }
  | { readonly type: 'print'; readonly text: string }
  | { readonly type: 'idle' }
  | { readonly type: 'returned' }
  | { readonly type: 'end'; readonly execution: Execution; readonly fuel: number; readonly poisoned: boolean }

/** An answer to a call; `value` is tagged JSON text. */
export type Answer =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly error: { readonly name: string; readonly message: string } }

/** How one step of code ended. Values are tagged JSON text. */
export type Execution =
  /** `value` is absent when the last expression has none or it cannot leave the sandbox; `preview` is its text for the model, '' for undefined. */
  | { readonly type: 'value'; readonly value?: string; readonly preview: string }
  | { readonly type: 'final-answer'; readonly value: string }
  | { readonly type: 'error'; readonly error: ExecutionError }

export type ExecutionErrorKind =
  | 'error'
  | 'syntax'
  | 'timeout'
  | 'memory'
  | 'denied'
  | 'output-limit'
  | 'call-limit'
  | 'crash'
  | 'unavailable'

export interface ExecutionError {
  readonly kind: ExecutionErrorKind
  readonly name: string
  readonly message: string
  /** Line in the model's own code, from 1. */
  readonly line?: number
}

/**
 * An opaque, adapter-made copy of a quiet session: a cache, never the truth. The caller keeps it where nobody can change
 * it: an adapter runs what it is given.
 */
export interface Snapshot {
  /** All that must be the same where it is restored: versions, limits, tools. */
  readonly key: string
  readonly blob: Uint8Array
}
