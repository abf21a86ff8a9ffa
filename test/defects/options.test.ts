/** Faults of our own, found by review: options that were taken and not used, or misspelt and not seen. */
import { describe, expect, it } from 'vitest'
import { codeAgent, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling } from '../behaviours/support.ts'
import { place } from '../integration/cli-harness.ts'

const description = 'Works things out.'
/** A model that no price list knows; each answer takes 1000 tokens in and 100 out. */
const own = (modelId: string = 'my-own-model') => ({
  ...scriptedModel({ content: 'fine', usage: { inputTokens: 1_000, outputTokens: 100 } }),
  modelId,
})
const prices = { 'my-own-model': { input: 1_000, output: 10_000 } }

describe('the prices of models that the table does not know', () => {
  it('are asked for where a budget in USD needs them', async () => {
    const agent = toolAgent({ name: 'worker', description, model: own(), budget: { costUsd: 100 } })
    await expect(agent.run('Go.')).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining('price') as string,
    })
  })

  it.each(['tool', 'code'] as const)('can be given to a %s agent: its usage and its budget are told in them', async (kind) => {
    const options = { name: 'worker', description, model: own(), prices }
    const make = (budget: { costUsd: number }) =>
      kind === 'tool' ? toolAgent({ ...options, budget }) : codeAgent({ ...options, maxSteps: 1, budget })
    const ended = await make({ costUsd: 100 }).run('Go.')
    expect(ended.usage.costUsd).toBeCloseTo(2 * (ended.usage.inputTokens / 1_000), 6) // 1 USD in and 1 USD out an answer
    expect(ended.usage.costUsd).toBeGreaterThan(0)
    expect(await make({ costUsd: 0.000_1 }).run('Go.')).toMatchObject({ status: 'limit', error: { code: 'budget/spent' } })
  })

  it('cover a model and the one that takes its place', async () => {
    const model = own('my-own-model|my-second-model')
    const agent = toolAgent({
      name: 'worker',
      description,
      model,
      prices: { ...prices, 'my-second-model': { input: 1, output: 1 } },
      budget: { costUsd: 100 },
    })
    expect(await agent.run('Go.')).toMatchObject({ status: 'done' })
  })

  it('of the caller are those of the agents that it calls, by their own options', async () => {
    const helper = toolAgent({ name: 'helper', description, model: own(), prices })
    const boss = toolAgent({
      name: 'boss',
      description,
      agents: [helper],
      model: { ...scriptedModel([calling(['helper', { task: 'x' }]), 'finished']), modelId: 'gpt-5' },
      budget: { costUsd: 100 },
    })
    const ended = await boss.run('Go.')
    expect(ended).toMatchObject({ status: 'done' })
    expect(ended.usage.costUsd).toBeGreaterThan(2)
  })
})

describe('a misspelt option', () => {
  const model = scriptedModel('fine')
  const options = { name: 'worker', description, model }
  const misspelt = (given: object) => given as Record<string, never>

  it.each([
    ['maxStep', 'maxSteps', { maxStep: 3 }],
    ['instruction', 'instructions', { instruction: 'x' }],
    ['budgets', 'budget', { budgets: { tokens: 1 } }],
    ['usd', undefined, { budget: { usd: 1 } }],
    ['token', 'tokens', { budget: { token: 1 } }],
  ])('%s is config/invalid, with what it was meant to be', (wrong, right, given) => {
    for (const make of [() => codeAgent({ ...options, ...misspelt(given) }), () => toolAgent({ ...options, ...misspelt(given) })]) {
      const message = right === undefined ? wrong : new RegExp(`'${wrong}'.*'${right}'`)
      expect(make).toThrow(expect.objectContaining({ code: 'config/invalid', message: expect.stringMatching(message) as string }))
    }
  })

  it('a tool agent takes none of those that only code needs', () => {
    for (const given of [{ limits: {} }, { language: 'python' }, { sandbox: {} }]) {
      expect(() => toolAgent({ ...options, ...misspelt(given) })).toThrow(expect.objectContaining({ code: 'config/invalid' }))
    }
  })

  it('of the budget of a run is refused too', async () => {
    await expect(toolAgent(options).run('Go.', { budget: misspelt({ usd: 1 }) })).rejects.toMatchObject({ code: 'config/invalid' })
  })

  it('of a configuration is exit code 2, and prices are none', async () => {
    const at = place()
    const config = (more: string): void => {
      at.write(
        'troupe.config.ts',
        `import { defineConfig, toolAgent } from 'troupe'
         export default defineConfig({ model: '${at.script('fine')}', agents: { main: toolAgent({ name: 'main', description: 'Works.' }) }, ${more} } as never)`,
      )
    }
    config('price: {}')
    expect(await at.troupe(['run', 'go', '--json'])).toMatchObject({ code: 2, err: expect.stringContaining("'prices'") as string })
    config('prices: { script: { input: 1_000_000, output: 1_000_000 } }')
    const ran = await at.troupe(['run', 'go', '--budget-usd', '1000000', '--json'])
    expect(ran).toMatchObject({ code: 0, last: { type: 'run-end', status: 'done' } })
    expect(Number((ran.last['usage'] as { costUsd?: number }).costUsd)).toBeGreaterThan(0)
  })
})
