/** Defects of the reference (smolagents) in what it counts and streams: each is a test that Troupe passes. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code, eventsOf, ofType } from '../behaviours/support.ts'

const description = 'Works things out.'
const usage = { inputTokens: 100, outputTokens: 10 }

describe('sub-agent tokens uncounted', () => {
  const sub = codeAgent({
    name: 'sub',
    description,
    model: scriptedModel([
      { content: code('1'), usage },
      { content: code('finalAnswer(1)'), usage },
    ]),
  })
  const hung = tool({ name: 'hung', description: 'Hangs.', effect: 'read', input: z.object({}), run: () => new Promise<never>(() => {}) })
  const hanging = codeAgent({
    name: 'hanging',
    description,
    tools: [hung],
    model: scriptedModel({ content: code('await hung({})'), usage }),
  })
  const failing = codeAgent({
    name: 'failing',
    description,
    model: scriptedModel([{ content: code('1'), usage }, new Error('model is down')]),
  })

  it('the run’s usage is that of the whole tree', async () => {
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      model: scriptedModel({ content: code('await sub({ task: "a" })\nfinalAnswer(await sub({ task: "b" }))'), usage }),
    })
    expect((await boss.run('Go.')).usage).toMatchObject({ inputTokens: 500, outputTokens: 50 })
  })

  it('a sub-agent that failed has cost what it has cost', async () => {
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [failing],
      model: scriptedModel({ content: code('try { await failing({ task: "a" }) } catch (error) { finalAnswer(error.message) }'), usage }),
    })
    const result = await boss.run('Go.')
    expect(result).toMatchObject({ status: 'done', output: expect.stringContaining('model is down') as string })
    expect(result.usage).toMatchObject({ inputTokens: 200, outputTokens: 20 })
  })

  it('so has one that was cancelled with its parent, or left behind', async () => {
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [hanging],
      model: scriptedModel({ content: code('await hanging({ task: "a" })'), usage }),
    })
    const run = boss.run('Go.', { on: { 'tool-start': () => void run.cancel() } })
    expect(await run).toMatchObject({ status: 'cancelled', usage: { inputTokens: 200, outputTokens: 20 } })

    const model = scriptedModel({ content: code('void hanging({ task: "a" })\nawait sub({ task: "b" })\nfinalAnswer(1)'), usage })
    const result = await codeAgent({ name: 'boss', description, agents: [hanging, sub], model }).run('Go.')
    expect(result).toMatchObject({ status: 'done', usage: { inputTokens: 400, outputTokens: 40 } })
  })
})

describe('the last streamed step doubled and the limit step missing', () => {
  it('each step begins and ends once in the stream, the last attempt after the limit too', async () => {
    const model = scriptedModel([{ when: /You have to stop/, reply: 'so far' }, { reply: code('console.log("again")') }])
    const events = await eventsOf(codeAgent({ name: 'worker', description, model, maxSteps: 3 }).run('Go.'))
    expect(ofType(events, 'step-start').map(({ step }) => step)).toEqual([1, 2, 3, 4])
    expect(ofType(events, 'step-end').map(({ step }) => step)).toEqual([1, 2, 3, 4])
    expect(ofType(events, 'step-end').at(-1)?.error).toBe('the limit of 3 steps is reached')
    expect(ofType(events, 'run-end')).toHaveLength(1)
    expect(events.at(-1)?.type).toBe('run-end')
  })

  it('seq rises by one within each run, so that nothing can be missing', async () => {
    const sub = codeAgent({ name: 'sub', description, model: scriptedModel(code('finalAnswer(1)')) })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      model: scriptedModel(code('finalAnswer(await Promise.all([sub({ task: "a" }), sub({ task: "b" })]))')),
    })
    const logs = Map.groupBy(
      (await eventsOf(boss.run('Go.'))).filter(({ seq }) => seq !== undefined),
      ({ runId }) => runId,
    )
    expect(logs.size).toBe(3)
    for (const events of logs.values()) {
      const seqs = events.map(({ seq }) => seq ?? 0)
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
      expect(new Set(seqs).size).toBe(seqs.length)
    }
  })
})

describe('plan prompts with an unfilled variable', () => {
  it('every plan says how many steps are left by the limit of this run, and no prompt has a placeholder', async () => {
    const model = scriptedModel([
      { when: (prompt) => JSON.stringify(prompt.at(-1)).includes('Write no code and call nothing now'), reply: 'Plan.' },
      { when: /You have to stop/, reply: 'stopped' },
      { reply: code('console.log(1)') },
    ])
    await codeAgent({ name: 'worker', description, model, maxSteps: 20, planEvery: 1 }).run('Go.', { maxSteps: 3 })
    const plans = model.prompts
      .filter((prompt) => prompt.trimEnd().endsWith('call nothing now.'))
      .map((prompt) => /(\w+) steps? (?:is|are) left/.exec(prompt.slice(-120))?.[1])
    expect(plans).toEqual(['3', '2', 'One'])
    for (const prompt of model.prompts) expect(prompt).not.toMatch(/\{\{|\}\}|\$\{|\{remaining|undefined|NaN|\[object/)
  })
})

describe('0 steps meaning the default', () => {
  it('0 steps are none: the model is not asked', async () => {
    const model = scriptedModel(code('finalAnswer(1)'))
    const agent = codeAgent({ name: 'worker', description, model })
    expect(await agent.run('Go.', { maxSteps: 0 })).toMatchObject({ status: 'limit', steps: 0, output: null })
    expect(await codeAgent({ name: 'worker', description, model, maxSteps: 0 }).run('Go.')).toMatchObject({ status: 'limit', steps: 0 })
    expect(model.calls).toHaveLength(0)
  })
})

describe('limits that are no numbers meaning no limit', () => {
  const agent = codeAgent({ name: 'worker', description, model: scriptedModel(code('console.log("on")')) })

  it.each([Number.NaN, -1, 1.5, Infinity])('maxSteps %d is refused, by the agent and by the run', async (maxSteps) => {
    expect(() => codeAgent({ name: 'worker', description, maxSteps })).toThrow(expect.objectContaining({ code: 'config/invalid' }))
    await expect(agent.run('Go.', { maxSteps })).rejects.toMatchObject({ code: 'config/invalid' })
  })

  it.each(['tokens', 'costUsd', 'toolCalls', 'timeMs'])('a budget of NaN %s is refused, by the agent and by the run', async (limit) => {
    const budget = { [limit]: Number.NaN }
    expect(() => codeAgent({ name: 'worker', description, budget })).toThrow(expect.objectContaining({ code: 'config/invalid' }))
    await expect(agent.run('Go.', { budget })).rejects.toMatchObject({ code: 'config/invalid' })
  })
})
