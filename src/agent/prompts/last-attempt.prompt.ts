/** Changes with the text. */
export const LAST_ATTEMPT_PROMPT_VERSION = '1'

export interface LastAttemptPrompt {
  /** Why the run stops, as a clause: `the limit of 5 steps is reached`. */
  readonly reason: string
  /** JSON Schema text of the answer, where one is asked for. */
  readonly schema?: string
}

/** Asks for the best answer that there is, when nothing more may be done. */
export function lastAttemptPrompt({ reason, schema }: LastAttemptPrompt): string {
  const form = schema === undefined ? 'Answer in plain text.' : `Answer with JSON alone, which must fit this schema:\n${schema}`
  return `You have to stop: ${reason}. Nothing more can be run or called.
Give the best answer to the task that the results above support, and say what is missing. Make nothing up.
${form}`
}
