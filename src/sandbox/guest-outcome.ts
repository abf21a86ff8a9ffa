import { assertNever } from '../util/assert-never.ts'
import type { WireState } from './guest-wire.ts'
import type { Limits } from './limits.ts'
import type { Execution, ExecutionError } from './sandbox.ts'

/** How a step of a guest in a process of its own ended. */
export interface Outcome {
  readonly execution: Execution
  /** The session ended with it. */
  readonly poisoned: boolean
  /** Nothing of the step runs any more: answers that are still to come change nothing. */
  readonly muted: boolean
}

export function stateOutcome(state: WireState, limits: Limits): Outcome {
  switch (state[0]) {
    case 'value':
      return {
        execution: { type: 'value', ...(state[1] !== null && { value: state[1] }), preview: state[2] },
        poisoned: false,
        muted: false,
      }
    case 'final':
      return { execution: { type: 'final-answer', value: state[1] }, poisoned: false, muted: true }
    case 'error': {
      const [, kind, name, message, line] = state
      return { execution: { type: 'error', error: { kind, name, message, ...(line !== null && { line }) } }, poisoned: false, muted: false }
    }
    case 'stop':
      return { ...failure(limitError(state[1], limits)), poisoned: false, muted: true }
    default:
      return assertNever(state)
  }
}

/** The main code waits, and nothing is left that could wake it. */
export const DEADLOCK: Outcome = {
  ...failure({
    kind: 'error',
    name: 'DeadlockError',
    message:
      'the code waits for a promise that can never settle: no call is open and nothing is left to run. Check that every promise is resolved by something',
  }),
  poisoned: false,
  muted: false,
}

export function overran({ timeoutMs }: Limits): Outcome {
  return failure({
    kind: 'timeout',
    name: 'TimeoutError',
    message: `the code ran for more than ${timeoutMs} ms, waiting for tools not counted, and was stopped. Its calls stand, its variables are lost`,
  })
}

/** `how`: null where memory was what it ran out of. */
export function deathOutcome(how: string | null, { memoryMb }: Limits): Outcome {
  return how === null
    ? failure({
        kind: 'memory',
        name: 'MemoryError',
        message: `out of memory (limit ${memoryMb} MB, files in /tmp included). The step's calls stand, its variables are lost`,
      })
    : failure({
        kind: 'crash',
        name: 'SandboxCrash',
        message: `the code ended its own process: ${how}. The step's calls stand, its variables are lost`,
      })
}

export function flooded(limits: Limits): Outcome {
  return failure(limitError('output-limit', limits))
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

function failure(error: ExecutionError): Outcome {
  return { execution: { type: 'error', error }, poisoned: true, muted: true }
}
