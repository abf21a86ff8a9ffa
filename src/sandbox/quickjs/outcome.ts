import { assertNever } from '../../util/assert-never.ts'
import type { Limits } from '../limits.ts'
import type { Execution, ExecutionError } from '../sandbox.ts'
import type { GuestState } from './prelude.ts'
import type { Report, Stop } from './protocol.ts'

/** How a step ended. */
export interface Outcome {
  readonly execution: Execution
  /** The session ended with it. */
  readonly poisoned: boolean
  /** Nothing of the step runs any more: answers that are still to come change nothing. */
  readonly muted: boolean
}

/** What a report says of the end of its step; null while the main code goes on. */
export function outcomeOf({ stop, error, line, fuel }: Report, state: GuestState | null, limits: Limits): Outcome | null {
  if (error !== null) return { execution: { type: 'error', error }, poisoned: stop !== null, muted: stop !== null }
  if (stop !== null) return { execution: failure(stopError(stop, limits, fuel), line), poisoned: stop !== 'fuel', muted: true }
  return state === null
    ? null
    : { execution: executionOf(state, line, limits), poisoned: false, muted: state[0] === 'final' || state[0] === 'stop' }
}

/** The main code waits, and nothing is left that could wake it. */
export const DEADLOCK: Outcome = {
  execution: failure(
    {
      kind: 'error',
      name: 'DeadlockError',
      message:
        'the code waits for a promise that can never settle: no call is open and nothing is left to run. Check that every promise is resolved by something',
    },
    null,
  ),
  poisoned: false,
  muted: false,
}

export function overrunOutcome(limits: Limits): Outcome {
  return { execution: failure(stopError('cpu', limits, 0), null), poisoned: true, muted: true }
}

function executionOf(state: GuestState, line: number | null, limits: Limits): Execution {
  switch (state[0]) {
    case 'value':
      return { type: 'value', ...(state[1] !== null && { value: state[1] }), preview: state[2] }
    case 'final':
      return { type: 'final-answer', value: state[1] }
    case 'error':
      return failure({ kind: state[1], name: state[2], message: state[3] }, line)
    case 'stop':
      return failure(limitError(state[1], limits), line)
    default:
      return assertNever(state)
  }
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

function stopError(stop: Stop, limits: Limits, fuel: number): ExecutionError {
  switch (stop) {
    case 'fuel':
    case 'leftover':
      return {
        kind: 'timeout',
        name: 'TimeoutError',
        message: `the code computed for ${fuel} ticks and was stopped (limit ${limits.fuel}). A loop may never end: the clock stands still during a step, and only await lets others run`,
      }
    case 'cpu':
      return {
        kind: 'timeout',
        name: 'TimeoutError',
        message: `the code computed for more than ${limits.timeoutMs} ms and was stopped. Its calls stand, its variables are lost`,
      }
    case 'memory':
      return {
        kind: 'memory',
        name: 'InternalError',
        message: `out of memory (limit ${limits.memoryMb} MB). The step's calls stand, its variables are lost`,
      }
    case 'aborted':
      return { kind: 'timeout', name: 'AbortError', message: 'the step was cancelled' }
    case 'trap':
      return {
        kind: 'crash',
        name: 'InternalError',
        message: 'the interpreter failed and was given up. The step’s calls stand, its variables are lost',
      }
    default:
      return assertNever(stop)
  }
}

function failure(error: ExecutionError, line: number | null): Execution {
  return { type: 'error', error: line === null ? error : { ...error, line } }
}
