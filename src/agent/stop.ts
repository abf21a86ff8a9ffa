import { addUsage, NO_USAGE } from '../client/usage.ts'
import { stepsTaken, type Transcript } from './transcript.ts'

/** A reason to stop: gives a sentence that says why, or nothing to go on. Pure: it is asked again on every resume. */
export type StopCondition = (transcript: Transcript) => string | undefined

/** Stops when `max` steps have been taken. */
export function stepCount(max: number): StopCondition {
  return (transcript) => (stepsTaken(transcript) >= max ? `the limit of ${max} steps is reached` : undefined)
}

/** Stops when the models of this agent, without those of agents that it called, have cost more than `usd`. */
export function costAbove(usd: number): StopCondition {
  return ({ steps }) => {
    const { costUsd = 0 } = steps.map((step) => step.reply.usage).reduce(addUsage, NO_USAGE)
    return costUsd > usd ? `the cost of ${costUsd.toFixed(4)} USD is above ${usd} USD` : undefined
  }
}
