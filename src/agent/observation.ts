import type { Execution, Language } from '../sandbox/sandbox.ts'
import { assertNever } from '../util/assert-never.ts'
import { cutMiddle } from '../util/cut-middle.ts'

/** What a model is shown of one step: longer output is cut in its middle. Characters. */
export const MAX_PRINTS = 20_000
const MAX_VALUE = 10_000
/** What the last value of a step comes after. */
export const LAST_VALUE = 'Last value:\n'

/** What the model is told of an execution: what it printed, and the last value or the error. */
export function observationOf(execution: Execution, prints: string, language: Language = 'typescript'): string {
  const printed = prints === '' ? '' : `Printed:\n${prints}\n`
  return `${printed}${outcomeOf(execution, prints, language)}`.trimEnd()
}

/** What is called by other names in each language. */
const WORDS: Readonly<Record<Language, { readonly nothing: string; readonly final: string }>> = {
  typescript: { nothing: 'undefined', final: 'finalAnswer' },
  python: { nothing: 'None', final: 'final_answer' },
}

function outcomeOf(execution: Execution, prints: string, language: Language): string {
  switch (execution.type) {
    case 'value':
      if (execution.preview !== '') return `${LAST_VALUE}${cutMiddle(execution.preview, MAX_VALUE)}`
      return prints === ''
        ? `The code ran. It printed nothing and its last value is ${WORDS[language].nothing}: print what you need to see.`
        : ''
    case 'final-answer':
      return `${WORDS[language].final} was called.`
    case 'error':
      return describeError(execution.error)
    default:
      return assertNever(execution)
  }
}

/** One text on an error of model-written code, with the line of the model's own code. */
export function describeError({ kind, name, message, line }: Extract<Execution, { type: 'error' }>['error']): string {
  const where = line === undefined ? '' : ` (line ${line} of your code)`
  const advice = ADVICE[kind]
  return `Error${where}: ${kind === 'error' ? `${name}: ` : ''}${message}${advice === undefined ? '' : `\n${advice}`}`
}

const ADVICE: Readonly<Partial<Record<string, string>>> = {
  error:
    'What ran before the error stands: variables are kept, calls are not undone. Correct the cause; do not repeat calls that have succeeded.',
  syntax: 'Nothing of this code was run.',
  timeout: 'The code took too much computing time. Do less in one step.',
  memory: 'The code used too much memory. Keep less at once.',
}
