import { assertNever } from '../../util/assert-never.ts'
import type { Limits } from '../limits.ts'
import type { Execution, ExecutionError } from '../sandbox.ts'
import { keptOf } from './prepare.ts'
import type { ReportState } from './protocol.ts'

/** How a step ended, and what of its code stays in the session: null when nothing of it ran. */
export interface Outcome {
  readonly execution: Execution
  readonly poisoned: boolean
  readonly kept: string | null
}

export function outcomeOf(state: Exclude<ReportState, { type: 'call' | 'lost' }>, code: string, limits: Limits): Outcome {
  switch (state.type) {
    case 'value':
      return {
        execution: { type: 'value', ...(state.value !== null && { value: state.value }), preview: state.preview },
        poisoned: false,
        kept: code,
      }
    case 'final':
      return { execution: { type: 'final-answer', value: state.value }, poisoned: false, kept: keptUpTo(code, state.line) }
    case 'stop':
      return { ...failure({ ...limitError(state.stop, limits), ...lineOf(state.line) }), poisoned: false, kept: keptUpTo(code, state.line) }
    case 'error': {
      const { kind, name, message, line, failed } = state
      return { ...failure({ kind, name, message, ...lineOf(line) }), poisoned: false, kept: failed === null ? null : keptOf(code, failed) }
    }
    case 'time':
      return overrun(limits)
    case 'memory':
      return failure({
        kind: 'memory',
        name: 'MemoryError',
        message: `out of memory (limit ${limits.memoryMb} MB, all steps of the session together). The step's calls stand, its variables are lost`,
        ...lineOf(state.line),
      })
    case 'trap':
      return crash(state.message)
    default:
      return assertNever(state)
  }
}

export function overrun(limits: Limits): Outcome {
  return failure({
    kind: 'timeout',
    name: 'TimeoutError',
    message: `the code computed for more than ${limits.timeoutMs} ms and was stopped. Its calls stand, its variables are lost`,
  })
}

export function crash(why: string): Outcome {
  return failure({
    kind: 'crash',
    name: 'InterpreterError',
    message: `the interpreter failed and was given up (${why}). The step's calls stand, its variables are lost`,
  })
}

export function outOfHeap(limits: Limits): Outcome {
  return failure({
    kind: 'memory',
    name: 'MemoryError',
    message: `out of memory while a value left the sandbox (limit ${limits.memoryMb} MB). The step's calls stand, its variables are lost`,
  })
}

/** A step of which nothing ran. */
export function refused(error: ExecutionError): Outcome {
  return { execution: { type: 'error', error }, poisoned: false, kept: null }
}

function keptUpTo(code: string, line: number | null): string {
  return line === null ? code : keptOf(code, line)
}

function limitError(kind: 'output-limit' | 'call-limit', limits: Limits): ExecutionError {
  return kind === 'output-limit'
    ? {
        kind,
        name: 'OutputLimitError',
        message: `the step printed more than ${limits.outputBytes} bytes and was stopped there. Print summaries, not whole data`,
      }
    : {
        kind,
        name: 'CallLimitError',
        message: `the step made more than ${limits.maxCalls} calls and was stopped at the next one. Ask for more data per call, or split the work into steps`,
      }
}

function lineOf(line: number | null): { line?: number } {
  return line === null ? {} : { line }
}

function failure(error: ExecutionError): Outcome {
  return { execution: { type: 'error', error }, poisoned: true, kept: null }
}
