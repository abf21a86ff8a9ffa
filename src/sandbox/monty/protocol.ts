import type { ExecutionErrorKind } from '../sandbox.ts'

/** Each defence can be switched off, so that a test can show that something breaks without it. Only tests do so. */
export interface Defences {
  /** The interpreter's own time limit, so that a loop costs no process. */
  readonly duration: boolean
  /** A process that does not answer in time is killed. */
  readonly backstop: boolean
  readonly memory: boolean
  readonly recursion: boolean
  /** A process that ended is replaced, and what waited in it is run again elsewhere. */
  readonly heal: boolean
  /** No files, no processes, no threads for the process itself (`node --permission`). */
  readonly permission: boolean
  readonly emptyEnvironment: boolean
  /** The host checks shape, size and numbering of what a process sends. */
  readonly validReports: boolean
  /** Names of tools and `final_answer` cannot be overwritten, decorators and a `return` out of the program are refused. */
  readonly sourceChecks: boolean
  readonly sourceLimits: boolean
  /** `final_answer` stops the code that called it. */
  readonly finalStop: boolean
  readonly callLimit: boolean
  readonly argumentBytes: boolean
  readonly answerBytes: boolean
  readonly outputBytes: boolean
  /** The call that separates the blocks of a session has a name that code cannot know. */
  readonly secretBorder: boolean
  /** A cancelled step ends with its process. */
  readonly abortKill: boolean
}

export const ALL_DEFENCES: Defences = {
  duration: true,
  backstop: true,
  memory: true,
  recursion: true,
  heal: true,
  permission: true,
  emptyEnvironment: true,
  validReports: true,
  sourceChecks: true,
  sourceLimits: true,
  finalStop: true,
  callLimit: true,
  argumentBytes: true,
  answerBytes: true,
  outputBytes: true,
  secretBorder: true,
  abortKill: true,
}

/** What a call was answered with. `text` is tagged JSON for an answer, JSON of name and message for a failure. */
export interface GivenAnswer {
  readonly tool: string
  readonly ok: boolean
  readonly text: string
}

/** One step's code and the answers that its calls were given, in order. */
export interface Block {
  readonly code: string
  readonly answers: readonly GivenAnswer[]
}

export interface RunLimits {
  /** What the interpreter is told: more than the step has where the blocks before took long. The host keeps the exact time. */
  readonly durationMs: number
  readonly memoryBytes: number
  readonly maxCalls: number
  readonly answerBytes: number
  readonly outputBytes: number
}

/** From the host to a process. Each `run` and `reply` is answered by one `Report`; a process runs one at a time. */
export type Command =
  | {
      readonly type: 'run'
      readonly session: number
      readonly tools: readonly { readonly name: string; readonly parameters: readonly string[]; readonly signature: string }[]
      /** Tagged JSON text of an object. */
      readonly context: string
      /** All of the session, oldest first; the last one is the step that runs. */
      readonly blocks: readonly Block[]
      /** Print frames of the last block that the host has already. */
      readonly printsSeen: number
      readonly limits: RunLimits
      readonly defences: Defences
    }
  | { readonly type: 'reply'; readonly session: number; readonly ok: boolean; readonly text: string }
  | { readonly type: 'forget'; readonly session: number }

/** What a process says once, when it can take work. */
export const READY = 'ready'

/** What one turn came to. */
export interface Report {
  readonly session: number
  readonly prints: readonly string[]
  readonly state: ReportState
  /** Milliseconds that the step's own code has run so far. */
  readonly spentMs: number
}

export type ReportState =
  | { readonly type: 'call'; readonly tool: string; readonly args: string }
  | { readonly type: 'value'; readonly value: string | null; readonly preview: string }
  /** `line`: where the statement is that called it, null where the code swallowed the stop and went on. */
  | { readonly type: 'final'; readonly value: string; readonly line: number | null }
  | { readonly type: 'stop'; readonly stop: 'output-limit' | 'call-limit'; readonly line: number | null }
  /** `line`: the innermost line of the step's code; `failed`: the line of the statement that is to be kept up to. Null where nothing ran. */
  | {
      readonly type: 'error'
      readonly kind: Extract<ExecutionErrorKind, 'error' | 'syntax' | 'denied'>
      readonly name: string
      readonly message: string
      readonly line: number | null
      readonly failed: number | null
    }
  | { readonly type: 'time' }
  | { readonly type: 'memory'; readonly line: number | null }
  /** The process does not hold this session any more. */
  | { readonly type: 'lost' }
  | { readonly type: 'trap'; readonly message: string }
