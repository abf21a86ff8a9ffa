import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fakeContext } from '../../test/behaviours/fake-context.ts'
import { TreeBudget } from '../engine/budget.ts'
import { scriptedModel, type ScriptedReply } from '../testing/scripted-model.ts'
import { lastAttempt } from './last-attempt.ts'
import { isPlanStep, plan } from './plan.ts'
import { commonSpec, type AgentSpec } from './spec.ts'
import type { Step, Transcript } from './transcript.ts'

const never = (): never => {
  throw new RangeError('not asked here')
}

function setUp(reply: ScriptedReply, options: { readonly output?: z.ZodType; readonly planEvery?: number } = {}) {
  const model = scriptedModel([{ reply }])
  const agent: AgentSpec = { ...commonSpec({ name: 'a', description: 'A.', model, ...options }, {}), systemPrompt: never, open: never }
  return { model, agent }
}

const reply = {
  text: 'words',
  toolCalls: [],
  finishReason: 'stop' as const,
  usage: { inputTokens: 1, outputTokens: 1 },
  modelId: 'm',
  attempts: 1,
}
const step: Step = { type: 'answer', step: 1, reply, rejected: 'No.' }
const after = (...steps: readonly Step[]): Transcript => ({ agent: 'a', task: 't', images: [], context: '', steps, earlier: [] })

describe('lastAttempt', () => {
  it('asks once, without tools, and begins and ends a step of its own', async () => {
    const { model, agent } = setUp('the best so far')
    const ctx = fakeContext()
    const outcome = await lastAttempt(agent, 'SYSTEM', after(step), ctx, 2, 'it is late')
    expect(outcome).toMatchObject({ status: 'limit', output: 'the best so far', error: { code: 'budget/spent', message: 'it is late' } })
    expect(ctx.notes).toEqual(['emit step-start 2', 'step 2.last', 'emit step-end 2'])
    expect(model.calls[0]?.tools).toBeUndefined()
    expect(model.prompts[0]).toMatch(/No\.[\s\S]*You have to stop: it is late\./)
  })

  it('asks nothing of a run that was allowed no step', async () => {
    const { model, agent } = setUp('x')
    const ctx = fakeContext()
    expect(await lastAttempt(agent, 'S', after(), ctx, 1, 'no steps')).toEqual({
      status: 'limit',
      error: expect.objectContaining({ message: 'no steps' }) as unknown,
    })
    expect([model.calls, ctx.notes]).toEqual([[], []])
  })

  it.each([
    ['fits', 'It is {"n": 4}.', { n: 4 }],
    ['does not fit', '{"n": "four"}', undefined],
    ['is no JSON', 'four', undefined],
  ])('with a schema, an answer that %s', async (_, text, output) => {
    const { model, agent } = setUp(text, { output: z.object({ n: z.number() }) })
    expect((await lastAttempt(agent, 'S', after(step), fakeContext(), 2, 'late')).output).toEqual(output)
    expect(model.prompts[0]).toContain('which must fit this schema')
  })

  it('is still the end by its limit when there is no budget left to ask, or no model to answer', async () => {
    const { agent } = setUp(new Error('down'))
    for (const ctx of [fakeContext(), fakeContext({ budget: new TreeBudget({ tokens: 10 }) })]) {
      expect(await lastAttempt(agent, 'S', after(step), ctx, 2, 'late')).toMatchObject({ status: 'limit', error: { message: 'late' } })
      expect(ctx.notes.at(-1)).toBe('emit step-end 2')
    }
  })
})

describe('plan', () => {
  it('is due before the first step and every so many after it', () => {
    const due = (planEvery?: number) => [1, 2, 3, 4, 5].filter((n) => isPlanStep(setUp('x', { ...(planEvery && { planEvery }) }).agent, n))
    expect([due(), due(1), due(2), due(3)]).toEqual([[], [1, 2, 3, 4, 5], [1, 3, 5], [1, 4]])
  })

  it('asks for a first plan, then for an update, and tells it', async () => {
    const { model, agent } = setUp('1. Look.')
    const ctx = fakeContext()
    expect(await plan(agent, 'S', after(), ctx, 1, 4)).toMatchObject({ type: 'plan', step: 1, reply: { text: '1. Look.' } })
    await plan(agent, 'S', after(step), ctx, 4, 4)
    expect(ctx.notes).toEqual(['step 1.plan', 'emit plan 1.plan', 'step 4.plan', 'emit plan 4.plan'])
    expect(model.prompts[0]).toMatch(/Before you act[\s\S]*4 steps are left/)
    expect(model.prompts[1]).toMatch(/look at what has been done[\s\S]*One step is left/)
  })
})
