import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, openRuntime, tool, toolAgent } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { scriptedModel, type ScriptedReply } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType, waitMs } from './support.ts'

const description = 'Works things out.'
const noop = tool({
  name: 'noop',
  description: 'Nothing.',
  effect: 'read',
  input: z.object({ n: z.number().default(0) }),
  run: ({ n }) => n,
})
const said = (content: string, inputTokens: number, outputTokens: number) => ({ content, usage: { inputTokens, outputTokens } })

/** The rough size of the first prompt of these agents; budgets below are far from it. */
const PROMPT_TOKENS = 1_500

describe('tokens', () => {
  it('a call for which no room is left is not made, and the run ends with status limit', async () => {
    const model = scriptedModel([said(code('let n = 1'), 40_000, 5_000), said(code('n++'), 40_000, 5_000), code('finalAnswer(n)')])
    const result = await codeAgent({ name: 'worker', description, model, budget: { tokens: 60_000 } }).run('Go.')
    expect(result).toMatchObject({
      status: 'limit',
      error: { code: 'budget/spent', message: expect.stringContaining('90000 of 60000 tokens') as string },
    })
    expect(model.calls).toHaveLength(2)
  })

  it('what a call may write is lowered to what is left, and under 256 it is not made', async () => {
    const model = scriptedModel([
      said(code('1'), 1_000, 1_000),
      said(code('2'), 1_000, 1_000),
      said(code('3'), 1_000, 1_000),
      code('finalAnswer(4)'),
    ])
    const agent = codeAgent({ name: 'worker', description, model })
    const result = await agent.run('Go.', { budget: { tokens: PROMPT_TOKENS + 4_000 } })
    expect(result.status).toBe('limit')
    const asked = model.calls.map(({ maxOutputTokens = 0 }) => maxOutputTokens)
    expect(asked.length).toBeGreaterThanOrEqual(2)
    expect(asked.every((tokens) => tokens >= 256 && tokens < 8_192)).toBe(true)
    expect(asked).toEqual(asked.toSorted((a, b) => b - a))
  })

  it('an agent’s own maxOutputTokens is what a call asks for', async () => {
    const model = scriptedModel(code('finalAnswer(1)'))
    await codeAgent({ name: 'worker', description, model, maxOutputTokens: 700 }).run('Go.')
    expect(model.calls[0]?.maxOutputTokens).toBe(700)
  })

  it('without a budget no call is limited', async () => {
    const model = scriptedModel(code('finalAnswer(1)'))
    await codeAgent({ name: 'worker', description, model }).run('Go.')
    expect(model.calls[0]?.maxOutputTokens).toBeUndefined()
  })
})

describe('USD', () => {
  const priced = (replies: readonly ScriptedReply[]) => ({ ...scriptedModel(replies), modelId: 'gpt-5' }) // 1.25 and 10 USD a million

  it('counts by the price of the model', async () => {
    const model = priced([said(code('1'), 100_000, 10_000), said(code('2'), 100_000, 10_000), code('finalAnswer(3)')])
    const result = await codeAgent({ name: 'worker', description, model, budget: { costUsd: 0.4 } }).run('Go.')
    expect(result).toMatchObject({ status: 'limit', usage: { costUsd: 0.45 } })
    expect(model.calls).toHaveLength(2)
  })

  it('a model whose price is not known is refused before it is asked', async () => {
    const model = { ...scriptedModel(code('finalAnswer(1)')), modelId: 'nobody-knows-1' }
    const run = codeAgent({ name: 'worker', description, model, budget: { costUsd: 1 } }).run('Go.')
    await expect(run).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining('with nobody-knows-1, whose price is not known: give it in `prices`') as string,
    })
    expect(model.calls).toHaveLength(0)
    expect(await codeAgent({ name: 'worker', description, model, budget: { tokens: 50_000 } }).run('Go.')).toMatchObject({ status: 'done' })
  })
})

describe('tool calls', () => {
  it('the call after the last one ends the run, in both kinds, and is not made', async () => {
    const inCode = codeAgent({
      name: 'worker',
      description,
      tools: [noop],
      model: scriptedModel(code('for (let n = 0; n < 9; n++) await noop({ n })')),
    })
    const run = inCode.run('Go.', { budget: { toolCalls: 3 } })
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'limit', error: { code: 'budget/spent', message: 'the budget of 3 tool calls is spent' } })
    expect(ofType(events, 'tool-end').map(({ output }) => output)).toEqual([0, 1, 2])

    const byCalls = toolAgent({
      name: 'worker',
      description,
      tools: [noop],
      model: scriptedModel(calling(['noop', { n: 1 }], ['noop', { n: 2 }])),
    })
    const second = byCalls.run('Go.', { budget: { toolCalls: 3 } })
    const ends = ofType(await eventsOf(second), 'tool-end')
    expect((await second).status).toBe('limit')
    expect(ends).toHaveLength(2)
  })

  it('calls that were bad count too, so that a resume counts the same', async () => {
    const model = scriptedModel(code('for (let n = 0; n < 9; n++) try { await noop({ m: n }) } catch {}\nfinalAnswer("never")'))
    const run = codeAgent({ name: 'worker', description, tools: [noop], model }).run('Go.', { budget: { toolCalls: 2 } })
    expect(ofType(await eventsOf(run), 'tool-start')).toHaveLength(2)
    expect((await run).status).toBe('limit')
  })
})

describe('time', () => {
  it('timeMs ends the whole tree, whatever is under way', async () => {
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      effect: 'read',
      input: z.object({}),
      run: (_, { signal }) => waitMs(60_000, signal),
    })
    const sub = codeAgent({ name: 'sub', description, tools: [slow], model: scriptedModel(code('await slow({})')) })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      model: scriptedModel(code('await sub({ task: "t" })')),
      budget: { timeMs: 400 },
    })
    const begun = performance.now()
    const run = boss.run('Go.')
    const events = await eventsOf(run)
    expect(performance.now() - begun).toBeLessThan(3_000)
    expect(await run).toMatchObject({ status: 'limit', error: { message: 'the time of 400 ms is over' } })
    expect(ofType(events, 'run-end').map(({ agent, status }) => [agent, status])).toEqual([
      ['sub', 'limit'],
      ['boss', 'limit'],
    ])
  })
})

describe('over the tree', () => {
  it('a managed agent spends from its caller’s budget, and its own may be smaller', async () => {
    const spender = (budget: { tokens?: number }) =>
      codeAgent({
        name: 'spender',
        description,
        budget,
        model: scriptedModel([said(code('1'), 30_000, 1_000), said(code('finalAnswer("spent")'), 30_000, 1_000)]),
      })
    const boss = (budget: { tokens?: number }) =>
      codeAgent({
        name: 'boss',
        description,
        agents: [spender(budget)],
        model: scriptedModel([
          said(code('try { console.log(await spender({ task: "t" })) } catch (error) { console.log(error.message) }'), 1_000, 100),
          code('finalAnswer("on")'),
        ]),
      })
    expect(await boss({}).run('Go.', { budget: { tokens: 50_000 } })).toMatchObject({ status: 'limit', usage: { inputTokens: 61_000 } })

    const own = boss({ tokens: 20_000 }).run('Go.', { budget: { tokens: 500_000 } })
    const events = await eventsOf(own)
    expect(await own).toMatchObject({ status: 'done', output: 'on' })
    expect(ofType(events, 'print')[0]?.text).toContain("agent spender ended as 'limit': the budget does not allow another model call")
  })

  it('siblings wait for what others hold, and go on when that is settled: together they never ask for more than there is', async () => {
    let open = 0
    let most = 0
    const sub = codeAgent({
      name: 'sub',
      description,
      maxOutputTokens: 8_000,
      model: scriptedModel([
        {
          reply: async () => {
            most = Math.max(most, ++open)
            await waitMs(30)
            open--
            return said(code('finalAnswer("ok")'), 1_000, 100)
          },
        },
      ]),
    })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      maxOutputTokens: 1_000,
      model: scriptedModel(said(code('finalAnswer((await Promise.all([1, 2, 3, 4].map(() => sub({ task: "t" })))).join())'), 1_000, 100)),
    })
    const room = 2 * (8_000 + PROMPT_TOKENS) + 1_100 + 4 * 1_100 // for two at once, and for what all will have used
    expect(await boss.run('Go.', { budget: { tokens: room } })).toMatchObject({ status: 'done', output: 'ok,ok,ok,ok' })
    expect(most).toBe(2)
  })
})

describe('a resumed run', () => {
  it('has spent what its log says, holds nothing for calls that are in the log, and goes on with what is left', async () => {
    const wait = tool({
      name: 'wait',
      description: 'Waits for a person.',
      effect: 'irreversible',
      input: z.object({}),
      run: () => 'waited',
    })
    const model = scriptedModel([said(code('const got = await wait({})'), 30_000, 1_000), said(code('finalAnswer(got)'), 10_000, 1_000)])
    const agent = codeAgent({ name: 'worker', description, tools: [wait], model, budget: { tokens: 45_000 } })
    const engine = memory()
    const before = await openRuntime({ engine, parkAfterMs: 0 })
    const begun = before.run(agent, 'Go.')
    expect(await begun.untilWaiting()).toMatchObject({ status: 'waiting', usage: { inputTokens: 30_000 } })
    await before[Symbol.asyncDispose]()

    await using after = await openRuntime({ engine, agents: [agent] })
    await after.approve(begun.id)
    expect(await after.resume(begun.id)).toMatchObject({ status: 'done', output: 'waited', usage: { inputTokens: 40_000 } })
    expect(model.calls).toHaveLength(2)
    expect(model.calls[1]?.maxOutputTokens ?? 8_192).toBe(8_192)
  })
})
