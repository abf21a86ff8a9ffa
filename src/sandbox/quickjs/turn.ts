import { TroupeError } from '../../errors/troupe-error.ts'
import type { Limits } from '../limits.ts'
import type { Frame } from '../sandbox.ts'
import type { GuestState } from './prelude.ts'

/** What the host knows of the running step, against which a turn is checked. */
export interface StepCounts {
  readonly limits: Limits
  readonly tools: ReadonlySet<string>
  calls: number
  inFlight: number
}

export interface Turn {
  readonly frames: readonly Extract<Frame, { type: 'call' | 'print' }>[]
  readonly state: GuestState | null
}

/**
 * Reads what a guest turn came to, and trusts nothing of it: shape, sizes, known tools, and calls numbered 1, 2, 3 …
 * Throws `sandbox/bad-frame`. Counts the calls in `counts`.
 */
export function readTurn(text: string, counts: StepCounts): Turn {
  const [frames, state, ...rest] = listOf(parse(text))
  if (rest.length > 0) throw bad('a turn has more than frames and state')
  return {
    frames: listOf(frames).map((frame) => readFrame(listOf(frame), counts)),
    state: state === null ? null : readState(listOf(state)),
  }
}

/** The same without any check: only for the test that shows what the checks are for. */
export function readTurnUnchecked(text: string, counts: StepCounts): Turn {
  const [frames, state] = JSON.parse(text) as [[string, number | string, string, string][], GuestState | null]
  for (const [type] of frames) if (type === 'call') counts.inFlight++
  return {
    frames: frames.map(([type, a, tool, args]) =>
      type === 'call' ? { type, call: a as number, tool, args } : { type: 'print', text: a as string },
    ),
    state,
  }
}

function readFrame([type, first, tool, args, ...rest]: readonly unknown[], counts: StepCounts): Turn['frames'][number] {
  if (type === 'print' && typeof first === 'string' && tool === undefined) return { type, text: first }
  if (type !== 'call' || rest.length > 0) throw bad(`unknown frame ${show(type)}`)
  if (first !== counts.calls + 1) throw bad(`call ${show(first)} after call ${counts.calls}`)
  if (typeof tool !== 'string' || !counts.tools.has(tool)) throw bad(`call of the unknown tool ${show(tool)}`)
  if (typeof args !== 'string') throw bad('arguments that are no text')
  if (args.length > counts.limits.answerBytes) throw bad(`arguments of ${args.length} characters`)
  counts.calls++
  if (counts.calls > counts.limits.maxCalls) throw bad(`more than ${counts.limits.maxCalls} calls in a step`)
  counts.inFlight++
  if (counts.inFlight > counts.limits.maxInFlight) throw bad(`more than ${counts.limits.maxInFlight} calls in flight`)
  return { type: 'call', call: counts.calls, tool, args }
}

function readState(state: readonly unknown[]): GuestState {
  const [type, a, b, c, d] = state
  switch (type) {
    case 'value':
      if ((a === null || typeof a === 'string') && typeof b === 'string' && state.length === 3) return ['value', a, b]
      break
    case 'final':
      if (typeof a === 'string' && state.length === 2) return ['final', a]
      break
    case 'error':
      if ((a === 'error' || a === 'memory' || a === 'denied') && typeof b === 'string' && typeof c === 'string' && typeof d === 'string')
        return ['error', a, b, c, d]
      break
    case 'stop':
      if ((a === 'output-limit' || a === 'call-limit') && state.length === 2) return ['stop', a]
      break
  }
  throw bad(`unknown state ${show(state)}`)
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

function bad(what: string): TroupeError {
  return new TroupeError(
    'sandbox/bad-frame',
    `the sandbox sent something that it cannot have sent in order: ${what}. The session is closed`,
  )
}
