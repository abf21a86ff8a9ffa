import type { Transcript } from './transcript.ts'

/** A reason to stop: gives a sentence that says why, or nothing to go on. Pure: it is asked again on every resume. */
export type StopCondition = (transcript: Transcript) => string | undefined

/** Stops when `max` steps have been taken. */
export function stepCount(max: number): StopCondition {
  return ({ steps }) => (steps.length >= max ? `the limit of ${max} steps is reached` : undefined)
}
