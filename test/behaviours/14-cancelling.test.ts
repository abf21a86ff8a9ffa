import { describe, expect, it } from 'vitest'
import type { LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { z } from 'zod'
import { codeAgent, tool, toolAgent, type Agent, type EventType } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType, waitMs } from './support.ts'

const description = 'Works things out.'
/** Promised is half a second; the machine of the tests is shared. */
const SOON_MS = 1_500

/** Cancels a run some time after its first event of a type; gives its end and how long it took. */
async function cancelledAfter(agent: Agent, type: EventType, ms: number = 30) {
  const run = agent.run('Go.')
  const all = eventsOf(run)
  for await (const event of run) if (event.type === type) break
  await waitMs(ms)
  const begun = performance.now()
  await run.cancel('enough')
  const result = await run
  const took = performance.now() - begun
  console.log(`cancelled in ${type}: ${took.toFixed(1)} ms`)
  expect(took).toBeLessThan(SOON_MS)
  expect(result).toMatchObject({ status: 'cancelled', error: { code: 'run/cancelled', message: 'enough' } })
  return { events: await all, result }
}

describe('cancelling stops what is under way', () => {
  it('a model call, whose signal is aborted', async () => {
    let heard: unknown
    const hang = async (_: unknown, { abortSignal }: LanguageModelV4CallOptions): Promise<string> => {
      await waitMs(60_000, abortSignal).catch((reason: unknown) => (heard = reason))
      return 'late'
    }
    await cancelledAfter(codeAgent({ name: 'worker', description, model: scriptedModel([{ reply: hang }]) }), 'step-start')
    expect(heard).toMatchObject({ code: 'run/cancelled' })
  })

  it('a model that hears no signal', async () => {
    const model = scriptedModel([{ reply: () => new Promise<never>(() => {}) }])
    await cancelledAfter(toolAgent({ name: 'worker', description, model }), 'step-start')
  })

  it('a tool, whose signal is aborted', async () => {
    let heard: unknown
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      input: z.object({}),
      run: (_, { signal }) => waitMs(60_000, signal).catch((reason: unknown) => (heard = reason)),
    })
    await cancelledAfter(
      codeAgent({ name: 'worker', description, tools: [slow], model: scriptedModel(code('await slow({})')) }),
      'tool-start',
    )
    expect(heard).toMatchObject({ code: 'run/cancelled' })
  })

  it('a tool that hears no signal', async () => {
    const deaf = tool({ name: 'deaf', description: 'Deaf.', input: z.object({}), run: () => new Promise<never>(() => {}) })
    await cancelledAfter(
      toolAgent({ name: 'worker', description, tools: [deaf], model: scriptedModel(calling(['deaf', {}], ['deaf', {}])) }),
      'tool-start',
    )
  })

  it('code that computes, long before its own limits', async () => {
    const agent = codeAgent({
      name: 'worker',
      description,
      model: scriptedModel(code('for (;;) {}')),
      limits: { timeoutMs: 60_000, fuel: 1e12 },
    })
    await cancelledAfter(agent, 'code', 200)
  })

  it('and frees the threads that computed: the next run does not wait for them', async () => {
    const model = scriptedModel([{ when: /forever/, reply: code('for (;;) {}') }, { reply: code('finalAnswer("free")') }])
    const agent = codeAgent({ name: 'worker', description, model, limits: { timeoutMs: 60_000, fuel: 1e12 } })
    const runs = Array.from({ length: 6 }, () => agent.run('Compute forever.'))
    await waitMs(300)
    await Promise.all(runs.map((run) => run.cancel()))
    const begun = performance.now()
    expect(await agent.run('Be quick.')).toMatchObject({ status: 'done', output: 'free' })
    const took = performance.now() - begun
    console.log(`a run after six that were cancelled: ${took.toFixed(1)} ms`)
    expect(took).toBeLessThan(5_000)
  })

  it('managed agents three levels down, each with an end of its own', async () => {
    let heard: unknown
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      input: z.object({}),
      run: (_, { signal }) => waitMs(60_000, signal).catch((reason: unknown) => (heard = reason)),
    })
    const leaf = codeAgent({ name: 'leaf', description, tools: [slow], model: scriptedModel(code('await slow({})')) })
    const middle = toolAgent({ name: 'middle', description, agents: [leaf], model: scriptedModel(calling(['leaf', { task: 't' }])) })
    const top = codeAgent({
      name: 'top',
      description,
      agents: [middle],
      model: scriptedModel(code('await Promise.all([middle({ task: "t" }), middle({ task: "u" })])')),
    })
    const { events } = await cancelledAfter(top, 'tool-start', 150)
    expect(heard).toMatchObject({ code: 'run/cancelled' })
    const ends = ofType(events, 'run-end')
    expect(ends).toHaveLength(5)
    expect(ends.every(({ status }) => status === 'cancelled')).toBe(true)
    expect(ends.at(-1)?.agent).toBe('top')
  })

  it('and nothing goes on afterwards', async () => {
    const seen: string[] = []
    const tick = tool({
      name: 'tick',
      description: 'Ticks.',
      effect: 'read',
      input: z.object({}),
      run: async () => waitMs(5).then(() => void seen.push('tick')),
    })
    const agent = codeAgent({
      name: 'worker',
      description,
      tools: [tick],
      model: scriptedModel(code('for (;;) { try { await tick({}) } catch {} }')),
      limits: { maxCalls: 1e6 },
    })
    const run = agent.run('Go.')
    for await (const event of run) if (event.type === 'tool-end') break
    await run.cancel()
    const ticks = seen.length
    await waitMs(200)
    expect(seen.length - ticks).toBeLessThanOrEqual(1) // the one that was under way cannot be unmade
    await run.cancel() // an ended run stays as it is
    expect((await run).status).toBe('cancelled')
  })
})
