import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, costAbove, stepCount, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType } from './support.ts'

const description = 'Works things out.'
const isPlanPrompt = (prompt: readonly unknown[]): boolean => JSON.stringify(prompt.at(-1)).includes('Write no code and call nothing now')
const noop = tool({ name: 'noop', description: 'Nothing.', effect: 'read', input: z.object({}), run: () => 'ok' })

describe('planning', () => {
  it('every N steps: a first plan, then updates that know what was done and how many steps are left', async () => {
    const model = scriptedModel([
      { when: isPlanPrompt, reply: (prompt) => `Plan after ${prompt.length} messages.` },
      { when: /done 4/, reply: code('finalAnswer("planned")') },
      { reply: (prompt) => code(`console.log("done ${prompt.filter(({ role }) => role === 'assistant').length}")`) },
    ])
    const run = codeAgent({ name: 'planner', description, model, planEvery: 2, maxSteps: 9 }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'planned' })
    expect(ofType(events, 'plan').map(({ step }) => step)).toEqual([1, 3])
    const [first = '', update = ''] = model.prompts.filter((_, i) => isPlanPrompt(model.calls[i]?.prompt ?? []))
    expect(first).toContain('Before you act, make a plan')
    expect(first).toContain('9 steps are left')
    expect(update).toContain('look at what has been done so far')
    expect(update).toContain('7 steps are left')
    expect(update).toContain('done 1')
    expect(model.prompts.at(-1)).toContain('Now carry out this plan, step by step.')
  })

  it('plans are no steps of their own, and their tokens are counted', async () => {
    const usage = { inputTokens: 10, outputTokens: 1 }
    const model = scriptedModel([
      { when: isPlanPrompt, reply: { content: 'Plan.', usage } },
      { reply: { content: code('finalAnswer(1)'), usage } },
    ])
    expect(await codeAgent({ name: 'planner', description, model, planEvery: 1, maxSteps: 1 }).run('Go.')).toMatchObject({
      status: 'done',
      steps: 1,
      usage: { inputTokens: 20, outputTokens: 2 },
    })
  })

  it('a tool agent plans in the same way, without tools at hand', async () => {
    const model = scriptedModel([
      { when: isPlanPrompt, reply: 'Plan.' },
      { when: (prompt) => prompt.some(({ role }) => role === 'tool'), reply: 'done' },
      { reply: calling(['noop', {}]) },
    ])
    const run = toolAgent({ name: 'planner', description, model, tools: [noop], planEvery: 1 }).run('Go.')
    expect(ofType(await eventsOf(run), 'plan')).toHaveLength(2)
    expect(await run).toMatchObject({ status: 'done', output: 'done' })
    expect(model.calls.filter(({ prompt }) => isPlanPrompt(prompt)).every(({ tools }) => tools === undefined)).toBe(true)
  })

  it.each([0, -1, 1.5])('planEvery %d is refused', (planEvery) => {
    expect(() => codeAgent({ name: 'planner', description, planEvery })).toThrow(expect.objectContaining({ code: 'config/invalid' }))
  })
})

describe('reasons to stop', () => {
  const endless = () =>
    scriptedModel([
      { when: /You have to stop/, reply: 'so far' },
      { reply: { content: code('console.log("on")'), usage: { inputTokens: 1_000_000, outputTokens: 0 } } },
    ])

  it('a condition is a function of the transcript; what it says is the reason of the limit, told to the model', async () => {
    const model = endless()
    const saidOn = ({ steps }: { steps: readonly { type: string; observation?: string }[] }): string | undefined =>
      steps.filter((step) => step.type === 'code' && step.observation?.includes('on')).length >= 2 ? 'it said on twice' : undefined
    const result = await codeAgent({ name: 'worker', description, model, stopWhen: saidOn }).run('Go.')
    expect(result).toMatchObject({ status: 'limit', output: 'so far', error: { code: 'budget/spent', message: 'it said on twice' } })
    expect(model.prompts.at(-1)).toContain('You have to stop: it said on twice.')
  })

  it('of several the first that holds counts, and maxSteps is one of them', async () => {
    const of = (stopWhen: ReturnType<typeof stepCount>[], maxSteps: number) =>
      codeAgent({ name: 'worker', description, model: endless(), stopWhen, maxSteps }).run('Go.')
    expect(await of([stepCount(3), stepCount(2)], 5)).toMatchObject({ error: { message: 'the limit of 2 steps is reached' } })
    expect(await of([stepCount(3)], 1)).toMatchObject({ error: { message: 'the limit of 1 steps is reached' } })
  })

  it('costAbove counts what this agent’s own models have cost', async () => {
    const priced = { ...endless(), modelId: 'gpt-5' }
    const result = await codeAgent({ name: 'worker', description, model: priced, stopWhen: costAbove(2) }).run('Go.')
    expect(result).toMatchObject({ status: 'limit', error: { message: 'the cost of 2.5000 USD is above 2 USD' } })
  })
})
