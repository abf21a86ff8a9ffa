import type { ExecutionError } from '../sandbox.ts'
import type { Limits } from '../limits.ts'

/** What one worker is started with. */
export interface WorkerData {
  readonly wasm: WebAssembly.Module
  readonly defences: Defences
  /** Counted up after every message to the worker, which may be asleep on it. */
  readonly bell: Int32Array
}

/** Each defence can be switched off, so that a test can show that something breaks without it. Only tests do so. */
export interface Defences {
  /** Interrupt ticks and promise jobs are counted and limited. */
  readonly fuel: boolean
  /** CPU time is limited where fuel is slow to be met. */
  readonly cpu: boolean
  /** Code that swallows its stop again and again is torn down with its interpreter, so that its neighbours live. */
  readonly tearDown: boolean
  /** A thread that answers nobody is terminated. */
  readonly backstop: boolean
  readonly memory: boolean
  readonly stack: boolean
  /** The guest's own code takes its builtins before the model's code runs. */
  readonly primordials: boolean
  /** Names of tools, `finalAnswer`, `tools` and `console` cannot be overwritten. */
  readonly fixedNames: boolean
  /** No `eval`, no `new Function`. */
  readonly noEval: boolean
  /** `Error.prepareStackTrace` cannot hand the guest's own functions to the model's code. */
  readonly hiddenFrames: boolean
  /** `finalAnswer` stops the code that called it. */
  readonly finalStop: boolean
  readonly callLimit: boolean
  readonly inFlightLimit: boolean
  readonly argumentBytes: boolean
  readonly answerBytes: boolean
  readonly outputBytes: boolean
  readonly fixedClock: boolean
  readonly seededRandom: boolean
  /** The host checks shape, size and numbering of every frame. */
  readonly validFrames: boolean
  /** A cancelled step is stopped from within, so that its neighbours live. */
  readonly abortFlag: boolean
  /** Code longer than a mebibyte, or nested more than 500 deep, is refused before any parser sees it. */
  readonly sourceLimits: boolean
}

export const ALL_DEFENCES: Defences = {
  fuel: true,
  cpu: true,
  tearDown: true,
  backstop: true,
  memory: true,
  stack: true,
  primordials: true,
  fixedNames: true,
  noEval: true,
  hiddenFrames: true,
  finalStop: true,
  callLimit: true,
  inFlightLimit: true,
  argumentBytes: true,
  answerBytes: true,
  outputBytes: true,
  fixedClock: true,
  seededRandom: true,
  validFrames: true,
  abortFlag: true,
  sourceLimits: true,
}

/** From the host to a worker, several in one message. Each `execute` and `reply` is answered by exactly one `Report`, in order. */
export type Command =
  | { readonly type: 'open'; readonly id: number; readonly limits: Limits; readonly setup: string; readonly stop: Int32Array }
  | {
      readonly type: 'execute'
      readonly id: number
      readonly step: number
      readonly code: string
      readonly clock: number
      readonly seed: number
    }
  | { readonly type: 'reply'; readonly id: number; readonly call: number; readonly ok: boolean; readonly text: string }
  /** Asks for a copy of the quiet session, when at least this much CPU time has gone into it since the last; answered by `Kept`. */
  | { readonly type: 'keep'; readonly id: number; readonly afterMs: number }
  /** In place of `open`; answered by `Restored`. */
  | {
      readonly type: 'restore'
      readonly id: number
      readonly limits: Limits
      readonly setup: string
      readonly stop: Int32Array
      readonly image: Uint8Array
    }
  | { readonly type: 'close'; readonly id: number }

export interface Kept {
  readonly kept: number
  /** A session's image; null where it is not worth it, or the session is not there. */
  readonly image: Uint8Array | null
}

export interface Restored {
  readonly restored: number
  /** Why the image was refused; null where the session is there. */
  readonly error: string | null
}

/** What one guest turn came to. */
export interface Report {
  readonly id: number
  /** What the guest drained (see `GuestTurn`), '' where there is nothing to read. */
  readonly text: string
  readonly stop: Stop | null
  /** The error of a code action that never ran (it does not parse), or that the engine itself threw. */
  readonly error: ExecutionError | null
  /** Ticks spent by the step so far. */
  readonly fuel: number
  /** CPU milliseconds of the whole thread, at most 20 ms ago: where the backstop's count for the next turn begins. */
  readonly cpuMs: number
  /** Where the code was when it was stopped, where that is known. */
  readonly line: number | null
  /** `retire`: the worker should take no new sessions. `terminate`: it can prepare no code for anyone any more. */
  readonly unfit: 'retire' | 'terminate' | null
}

/**
 * Why a step was stopped from outside the model's code. `fuel` alone is the same in every replay and leaves the session
 * usable; `leftover`: fuel ran out, and what was left of the code did not come to rest either.
 */
export type Stop = 'fuel' | 'leftover' | 'cpu' | 'memory' | 'aborted' | 'trap'

/** What `setup` is: JSON of this. */
export interface Setup {
  readonly tools: readonly { readonly name: string; readonly parameters: readonly string[]; readonly signature: string }[]
  readonly context: string
  readonly maxCalls: number
  readonly maxInFlight: number
  readonly answerBytes: number
  readonly outputBytes: number
}

/** The message that a worker sends once, when it can take sessions. */
export const READY = 'ready'

/** A lone answer, the most frequent message, as text: to copy it into the thread costs a third of what an object costs. */
export function packReply({ id, call, ok, text }: Extract<Command, { type: 'reply' }>): string {
  return `${id} ${call} ${ok ? 1 : 0} ${text}`
}

export function unpackReply(packed: string): Command {
  const [id, call, ok, text] = fields(packed)
  return { type: 'reply', id, call, ok: ok === 1, text }
}

/** The same for a report of a turn that nothing stopped. */
export function packReport(report: Report): Report | string {
  const { id, text, fuel, cpuMs, stop, error, line, unfit } = report
  return stop === null && error === null && line === null && unfit === null ? `${id} ${fuel} ${cpuMs} ${text}` : report
}

export function unpackReport(packed: string): Report {
  const [id, fuel, cpuMs, text] = fields(packed)
  return { id, text, stop: null, error: null, fuel, cpuMs, line: null, unfit: null }
}

/** Three numbers and the rest, with a space between. */
function fields(packed: string): [number, number, number, string] {
  const first = packed.indexOf(' ')
  const second = packed.indexOf(' ', first + 1)
  const third = packed.indexOf(' ', second + 1)
  return [
    Number(packed.slice(0, first)),
    Number(packed.slice(first + 1, second)),
    Number(packed.slice(second + 1, third)),
    packed.slice(third + 1),
  ]
}

/** Commands that a guest turn follows. */
export function isTurn(command: Command): boolean {
  return command.type === 'execute' || command.type === 'reply'
}
