/** Defects of the reference (smolagents) that concern time: each is a test that Troupe passes. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType, waitMs } from '../behaviours/support.ts'

const description = 'Works things out.'
/** Deaf to its signal: nothing can end it. */
const deaf = tool({
  name: 'deaf',
  description: 'Never ends.',
  effect: 'read',
  timeoutMs: 100,
  input: z.object({}),
  run: () => new Promise<never>(() => {}),
})

async function timed<T>(work: () => PromiseLike<T>): Promise<{ result: T; ms: number }> {
  const begun = performance.now()
  const result = await work()
  return { result, ms: performance.now() - begun }
}

describe('a time limit that does not give control back', () => {
  it('of code that computes', async () => {
    const model = scriptedModel([code('for (;;) {}'), code('finalAnswer("control")')])
    const agent = codeAgent({ name: 'worker', description, model, limits: { timeoutMs: 300, fuel: 1e12 } })
    const { result, ms } = await timed(() => agent.run('Go.'))
    expect(result).toMatchObject({ status: 'done', output: 'control' })
    expect(ms).toBeLessThan(5_000)
  })

  it('of one huge operation that no interpreter tick interrupts', async () => {
    const model = scriptedModel([
      code('2n ** 3_000_000_000n'),
      code('"x".repeat(5e6).replace(/x+$/g, (m) => m.split("").sort().join())'),
      code('finalAnswer("control")'),
    ])
    const agent = codeAgent({ name: 'worker', description, model, limits: { timeoutMs: 300 } })
    const { result, ms } = await timed(() => agent.run('Go.'))
    expect(result).toMatchObject({ status: 'done', output: 'control' })
    expect(ms).toBeLessThan(10_000)
  })

  it('of a tool that hears no signal', async () => {
    const model = scriptedModel([calling(['deaf', {}]), 'control'])
    const { result, ms } = await timed(() => toolAgent({ name: 'worker', description, model, tools: [deaf] }).run('Go.'))
    expect(result).toMatchObject({ status: 'done', output: 'control' })
    expect(ms).toBeLessThan(2_000)
  })

  it('of a run: its timeMs ends it while a tool hangs', async () => {
    const hung = tool({
      name: 'hung',
      description: 'Never ends.',
      effect: 'read',
      input: z.object({}),
      run: () => new Promise<never>(() => {}),
    })
    const agent = codeAgent({
      name: 'worker',
      description,
      model: scriptedModel(code('await hung({})')),
      tools: [hung],
      budget: { timeMs: 300 },
    })
    const { result, ms } = await timed(() => agent.run('Go.'))
    expect(result).toMatchObject({ status: 'limit', error: { code: 'budget/spent', message: 'the time of 300 ms is over' } })
    expect(ms).toBeLessThan(2_000)
  })
})

describe('a 1 s limit that discards a sub-agent’s finished work', () => {
  it('the limit counts computing, so a sub-agent that takes longer is waited for, and its answer used', async () => {
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      effect: 'read',
      input: z.object({}),
      run: async () => waitMs(1_300).then(() => 'late'),
    })
    const sub = codeAgent({ name: 'sub', description, tools: [slow], model: scriptedModel(code('finalAnswer(await slow({}))')) })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      limits: { timeoutMs: 1_000 },
      model: scriptedModel(code('const report = await sub({ task: "Go." })\nconsole.log(report)\nfinalAnswer(report)')),
    })
    const run = boss.run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'late', steps: 1 })
    expect(ofType(events, 'step-end').every(({ error }) => error === undefined)).toBe(true)
  })
})
