import { TroupeError } from '../../errors/troupe-error.ts'
import { decode } from '../../util/codec.ts'
import type { Limits } from '../limits.ts'
import type { Report, ReportState } from './protocol.ts'

/** What the host knows of the running step, against which a report is checked. */
export interface StepCounts {
  readonly limits: Limits
  readonly tools: ReadonlySet<string>
  calls: number
  printed: number
}

/** Reads what a process sent, and trusts nothing of it. Throws `sandbox/bad-frame`. Counts calls and prints in `counts`. */
export function readReport(sent: unknown, session: number, counts: StepCounts): Report {
  const { limits } = counts
  const report = recordOf(sent)
  if (report.session !== session) throw bad(`a report of session ${show(report.session)}`)
  if (!Array.isArray(report.prints)) throw bad('prints that are no list')
  for (const text of report.prints as unknown[]) {
    if (typeof text !== 'string') throw bad('a print that is no text')
    counts.printed += Buffer.byteLength(text)
  }
  if (counts.printed > limits.outputBytes) throw bad(`prints of ${counts.printed} bytes`)
  if (typeof report.spentMs !== 'number' || !(report.spentMs >= 0)) throw bad(`a time of ${show(report.spentMs)}`)
  return { session, prints: report.prints as string[], state: readState(recordOf(report.state), counts), spentMs: report.spentMs }
}

function readState(state: Readonly<Record<string, unknown>>, counts: StepCounts): ReportState {
  const { limits, tools } = counts
  switch (state.type) {
    case 'call': {
      const { tool, args } = state
      if (typeof tool !== 'string' || !tools.has(tool)) throw bad(`a call of the unknown tool ${show(tool)}`)
      counts.calls++
      if (counts.calls > limits.maxCalls) throw bad(`more than ${limits.maxCalls} calls in a step`)
      return { type: 'call', tool, args: valueText(args, limits.answerBytes) }
    }
    case 'value': {
      const { value, preview } = state
      if (typeof preview !== 'string' || preview.length > 100_000) throw bad('a value that cannot be shown')
      return { type: 'value', value: value === null ? null : valueText(value, limits.answerBytes), preview }
    }
    case 'final':
      return { type: 'final', value: valueText(state.value, limits.answerBytes), line: lineOf(state.line) }
    case 'stop':
      if (state.stop !== 'output-limit' && state.stop !== 'call-limit') throw bad(`the unknown stop ${show(state.stop)}`)
      return { type: 'stop', stop: state.stop, line: lineOf(state.line) }
    case 'error': {
      const { kind, name, message } = state
      if (kind !== 'error' && kind !== 'syntax' && kind !== 'denied') throw bad(`an error of the unknown kind ${show(kind)}`)
      if (typeof name !== 'string' || typeof message !== 'string' || name.length + message.length > 100_000)
        throw bad('an error without name and message')
      return { type: 'error', kind, name, message, line: lineOf(state.line), failed: lineOf(state.failed) }
    }
    case 'memory':
      return { type: 'memory', line: lineOf(state.line) }
    case 'trap':
      return { type: 'trap', message: typeof state.message === 'string' ? state.message.slice(0, 1_000) : '' }
    case 'time':
    case 'lost':
      return { type: state.type }
    default:
      throw bad(`the unknown state ${show(state.type)}`)
  }
}

/** Tagged text that decodes. */
function valueText(text: unknown, most: number): string {
  if (typeof text !== 'string') throw bad('a value that is no text')
  if (text.length > most) throw bad(`a value of ${text.length} characters`)
  try {
    decode(text)
  } catch {
    throw bad('a value that does not decode')
  }
  return text
}

function lineOf(line: unknown): number | null {
  if (line === null || (typeof line === 'number' && Number.isInteger(line) && line > 0)) return line
  throw bad(`the line ${show(line)}`)
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${show(value)} is no report`)
  return value as Readonly<Record<string, unknown>>
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
