import { TroupeError } from '../errors/troupe-error.ts'
import { decode } from '../util/codec.ts'
import type { Limits } from './limits.ts'
import type { Frame } from './sandbox.ts'

/** To a guest in a process of its own, a line of JSON each on its descriptor 3. `setup` comes once, before the rest. */
export type GuestCommand =
  | { readonly type: 'setup'; readonly setup: object }
  | {
      readonly type: 'execute'
      readonly step: number
      readonly code: string
      readonly clock: number
      readonly seed: number
      readonly mark: Mark
    }
  | { readonly type: 'reply'; readonly call: number; readonly ok: boolean; readonly text: string }

/** What a guest writes on those of its descriptors before it says that a step has ended (see raw-output.ts). */
export interface Mark {
  readonly token: string
  readonly streams: readonly number[]
}

/** How a guest says that the main code of a step stands. */
export type WireState =
  | readonly ['value', string | null, string]
  | readonly ['final', string]
  | readonly ['error', 'error' | 'syntax' | 'memory' | 'denied', string, string, number | null]
  | readonly ['stop', 'output-limit' | 'call-limit']

export interface Wire {
  readonly frames: readonly Extract<Frame, { type: 'call' | 'print' }>[]
  readonly state: WireState | null
  /** The guest has nothing more to run until the next answer. */
  readonly isQuiet: boolean
}

/** What the host knows of the running step, against which every line is checked. */
export interface WireCounts {
  readonly limits: Limits
  readonly tools: ReadonlySet<string>
  calls: number
  inFlight: number
  printed: number
}

/** The checks of the host that a test can switch off, to show what each is for. */
export interface WireDefences {
  /** Shape, order, known tools and call numbers of what a guest sends. */
  readonly validFrames: boolean
  /** Limits are counted on the host too: a guest that was taken over does not count for us. */
  readonly hostCounts: boolean
}

export const READY_LINE = '["ready"]'

/** The longest line that an honest guest can send: every call in flight and the value at their largest, all prints, escaped. */
export function longestLine({ answerBytes, maxInFlight, outputBytes }: Limits): number {
  return 65_536 + 3 * (answerBytes * (Math.min(maxInFlight, 16) + 2) + outputBytes)
}

/** Reads one line of a guest, `["frames", [frame…], state, quiet]`, and trusts nothing of it. Throws `sandbox/bad-frame`; counts in `counts`. */
export function readWire(line: string, counts: WireCounts, { validFrames, hostCounts }: WireDefences): Wire {
  const [type, frames, state, isQuiet, ...rest] = listOf(parse(line))
  if (!validFrames) return { frames: (frames as unknown[][]).map(loose), state: state as WireState | null, isQuiet: isQuiet as boolean }
  if (type !== 'frames' || typeof isQuiet !== 'boolean' || rest.length > 0) throw bad(`a line of the type ${show(type)}`)
  const read = listOf(frames).map((frame) => readFrame(listOf(frame), counts, hostCounts))
  if (state !== null && !isQuiet) throw bad('the end of code that goes on')
  return { frames: read, state: state === null ? null : readState(listOf(state), counts, hostCounts), isQuiet }
}

function readFrame(
  [type, first, tool, args, ...rest]: readonly unknown[],
  counts: WireCounts,
  hostCounts: boolean,
): Wire['frames'][number] {
  const { limits } = counts
  if (type === 'print' && typeof first === 'string' && tool === undefined) {
    counts.printed += first.length
    if (hostCounts && counts.printed > limits.outputBytes) throw bad(`more than ${limits.outputBytes} bytes of prints`)
    return { type, text: first }
  }
  if (type !== 'call' || rest.length > 0) throw bad(`unknown frame ${show(type)}`)
  if (first !== counts.calls + 1) throw bad(`call ${show(first)} after call ${counts.calls}`)
  if (typeof tool !== 'string' || !counts.tools.has(tool)) throw bad(`call of the unknown tool ${show(tool)}`)
  if (typeof args !== 'string' || !isTagged(args)) throw bad('arguments that are no tagged text')
  counts.calls++
  counts.inFlight++
  if (hostCounts) {
    if (args.length > limits.answerBytes) throw bad(`arguments of ${args.length} characters`)
    if (counts.calls > limits.maxCalls) throw bad(`more than ${limits.maxCalls} calls in a step`)
    if (counts.inFlight > limits.maxInFlight) throw bad(`more than ${limits.maxInFlight} calls in flight`)
  }
  return { type: 'call', call: counts.calls, tool, args }
}

function readState(state: readonly unknown[], { limits }: WireCounts, hostCounts: boolean): WireState {
  const [type, a, b, c, d] = state
  const fits = (text: unknown): text is string =>
    typeof text === 'string' && (!hostCounts || text.length <= limits.answerBytes) && isTagged(text)
  const short = (text: unknown): text is string => typeof text === 'string' && (!hostCounts || text.length <= 65_536)
  switch (type) {
    case 'value':
      if ((a === null || fits(a)) && short(b) && state.length === 3) return ['value', a, b]
      break
    case 'final':
      if (fits(a) && state.length === 2) return ['final', a]
      break
    case 'error': {
      const isLine = d === null || (typeof d === 'number' && Number.isInteger(d) && d > 0)
      if ((a === 'error' || a === 'syntax' || a === 'memory' || a === 'denied') && short(b) && short(c) && isLine && state.length === 5)
        return ['error', a, b, c, d]
      break
    }
    case 'stop':
      if ((a === 'output-limit' || a === 'call-limit') && state.length === 2) return ['stop', a]
      break
  }
  throw bad(`unknown state ${show(state)}`)
}

function loose([type, first, tool, args]: unknown[]): Wire['frames'][number] {
  return type === 'call'
    ? { type, call: first as number, tool: tool as string, args: args as string }
    : { type: 'print', text: first as string }
}

/** Later readers of the log decode these texts, and none of them expects that it fails. */
function isTagged(text: string): boolean {
  try {
    decode(text)
    return true
  } catch {
    return false
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw bad('not JSON')
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(`${show(value)} is no list`)
  return value
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 100)
}

export function bad(what: string): TroupeError {
  return new TroupeError(
    'sandbox/bad-frame',
    `the sandbox sent something that it cannot have sent in order: ${what}. The session is closed`,
  )
}
