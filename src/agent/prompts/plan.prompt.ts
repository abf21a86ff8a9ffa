/** Changes with the texts. */
export const PLAN_PROMPT_VERSION = '1'

export interface PlanPrompt {
  /** Steps that are left, this one included. */
  readonly remainingSteps: number
  /** Whether there is a plan, or work, to build on. */
  readonly isUpdate: boolean
}

/** Asks for a plan before the next steps. */
export function planPrompt({ remainingSteps, isUpdate }: PlanPrompt): string {
  const first = `Before you act, make a plan for the task above.
Write, in short lines:
1. Facts: what the task gives.
2. To find out: what has to be looked up or worked out, and by which function.
3. Plan: the steps to take, in order.`
  const update = `Stop for a moment and look at what has been done so far.
Write, in short lines:
1. Facts: what is known now, with values.
2. To find out: what is still missing.
3. Plan: the steps that remain, in order; leave out what is done, and change what has not worked.`
  const left = remainingSteps === 1 ? 'One step is left' : `${remainingSteps} steps are left`
  return `${isUpdate ? update : first}\n${left}. Write no code and call nothing now.`
}

/** Follows a plan in the transcript. */
export function carryOutPrompt(): string {
  return 'Now carry out this plan, step by step.'
}
