import { describe, expect, it } from 'vitest'
import { costAbove, stepCount } from './stop.ts'
import type { Step, Transcript } from './transcript.ts'

const reply = (costUsd?: number) => ({
  text: '',
  toolCalls: [],
  finishReason: 'stop' as const,
  usage: { inputTokens: 1, outputTokens: 1, ...(costUsd !== undefined && { costUsd }) },
  modelId: 'm',
  attempts: 1,
})
const after = (...steps: readonly Step[]): Transcript => ({ agent: 'a', task: 't', images: [], context: '', steps, earlier: [] })
const answer = (step: number, costUsd?: number): Step => ({ type: 'answer', step, reply: reply(costUsd) })

describe('stepCount', () => {
  it('counts steps, not plans', () => {
    const steps: Step[] = [{ type: 'plan', step: 1, reply: reply() }, answer(1), answer(2)]
    expect(stepCount(3)(after(...steps))).toBeUndefined()
    expect(stepCount(2)(after(...steps))).toBe('the limit of 2 steps is reached')
    expect(stepCount(0)(after())).toBe('the limit of 0 steps is reached')
  })
})

describe('costAbove', () => {
  it('adds up what is known, plans too', () => {
    const steps: Step[] = [{ type: 'plan', step: 1, reply: reply(0.5) }, answer(1, 0.25), answer(2)]
    expect(costAbove(0.75)(after(...steps))).toBeUndefined()
    expect(costAbove(0.7)(after(...steps))).toBe('the cost of 0.7500 USD is above 0.7 USD')
  })
})
