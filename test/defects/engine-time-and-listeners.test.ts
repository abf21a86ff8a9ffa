/** Faults of our own, found by review: what a run leaves behind, and what its time counts. */
import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType } from '../behaviours/support.ts'
import { memoryPlace, opened, PLACES, soon, storeWith, until, upTo } from './runtimes.ts'

const description = 'Works things out.'

describe('a signal that outlives the runs that it was given to', () => {
  it.each(['done', 'failed', 'limit'] as const)('keeps no listener of a run that ended as %s', async (status) => {
    const controller = new AbortController()
    const model = scriptedModel(status === 'failed' ? new Error('broken') : calling(['look', {}]))
    const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({}), run: () => 1 })
    const agent = toolAgent({
      name: 'worker',
      description,
      tools: [look],
      maxSteps: 2,
      model: status === 'done' ? scriptedModel('fine') : model,
    })
    for (let i = 0; i < 5; i++) {
      const ended = await agent.run('Go.', { signal: controller.signal }).then(
        (result) => result.status,
        () => 'failed',
      )
      expect(ended).toBe(status)
    }
    await until(() => getEventListeners(controller.signal, 'abort').length === 0)
  })

  it('nor does a call leave any on the signal of its run', async () => {
    const most: number[] = []
    const look = tool({
      name: 'look',
      description: 'Looks.',
      effect: 'read',
      input: z.object({}),
      run: (_, { signal }) => {
        most.push(getEventListeners(signal, 'abort').length)
        return 1
      },
    })
    const program = 'for (let i = 0; i < 40; i++) await look({})\nfinalAnswer(1)'
    await codeAgent({ name: 'worker', description, tools: [look], model: scriptedModel(code(program)) }).run('Go.')
    expect(most).toHaveLength(40)
    expect(Math.max(...most)).toBeLessThanOrEqual(2)
  })
})

describe('an event handler that rejects', () => {
  it('does no harm: it is noted in the log, and nothing is left unhandled', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const runtime = await opened(memoryPlace().adapter())
    const fail = async (): Promise<never> => {
      await Promise.resolve()
      throw new Error('the handler is broken')
    }
    const agent = toolAgent({ name: 'worker', description, model: scriptedModel('fine') })
    const run = runtime.run(agent, 'Go.', { on: { 'step-start': fail, 'run-end': fail, all: fail } })
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'fine' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(unhandled).toEqual([])
    const logged = [...ofType(events, 'log'), ...(await runtime.entries(run.id)).filter(({ type }) => type === 'log')]
    expect(JSON.stringify(logged)).toContain('the handler is broken')
  })
})

describe('timeMs', () => {
  /** Calls a tool twice; each call hangs until its gate is opened. */
  function slowOne() {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    const begun = [0, 0]
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      effect: 'read',
      input: z.object({ n: z.literal([0, 1]) }),
      run: async ({ n }) => {
        begun[n] = (begun[n] ?? 0) + 1
        await gates[n].promise
        return n
      },
    })
    const model = scriptedModel([calling(['slow', { n: 0 }]), calling(['slow', { n: 1 }]), 'finished'])
    return { gates, begun, agent: toolAgent({ name: 'worker', description, tools: [slow], model }) }
  }

  it.each(PLACES)('does not count the times in which no process had the run, on %s', async (_, place) => {
    const { adapter } = place()
    const clock = fakeClock()
    const { gates, begun, agent } = slowOne()
    const first = await opened(adapter(), { clock })
    const run = first.run(agent, 'Go.', { budget: { timeMs: 600_000 } })
    await until(() => begun[0] === 1)
    await first[Symbol.asyncDispose]()
    await clock.advance(3_600_000)

    const second = await opened(adapter(), { clock, agents: [agent] })
    second.resume(run.id)
    await until(() => begun[0] === 2)
    await clock.advance(1_000)
    gates[0].resolve()
    await until(() => begun[1] === 1)
    await second[Symbol.asyncDispose]()
    await clock.advance(3_600_000)

    const third = await opened(adapter(), { clock, agents: [agent] })
    const resumed = third.resume(run.id)
    await until(() => begun[1] === 2)
    await clock.advance(1_000)
    gates[1].resolve()
    expect(await soon(resumed)).toMatchObject({ status: 'done', output: 'finished' })
  })

  it('counts what was worked before, though', async () => {
    const clock = fakeClock()
    const { gates, agent } = slowOne()
    for (const gate of gates) gate.resolve()
    const first = await opened(memoryPlace().adapter(), { clock })
    const { runId } = await first.run(agent, 'Go.', { budget: { timeMs: 600_000 } })
    // As if the first model call had taken nine minutes and fifty seconds.
    const late = (at: string): string => new Date(Date.parse(at) + 590_000).toISOString()
    const left = upTo(await first.entries(runId), 'model-end')
    const engine = await storeWith(left, (entry) => (entry.type === 'model-end' ? { ...entry, at: late(entry.at) } : entry))
    await clock.advance(3_600_000)
    const { agent: stuck, begun } = slowOne()
    const second = await opened(engine, { clock, agents: [stuck] })
    const resumed = second.resume(runId)
    await until(() => begun[0] === 1)
    await clock.advance(9_000)
    expect((await second.get(runId)).status).toBe('running')
    await clock.advance(2_000)
    expect(await soon(resumed)).toMatchObject({ status: 'limit', error: { code: 'budget/spent' } })
  })

  it('of a managed agent stops the tool that it runs, and its caller goes on', async () => {
    let aborted = 0
    let begun = 0
    const hang = tool({
      name: 'hang',
      description: 'Hangs.',
      effect: 'read',
      input: z.object({}),
      run: async (_, { signal }) => {
        begun++
        signal.addEventListener('abort', () => aborted++)
        await new Promise((resolve) => setTimeout(resolve, 8_000).unref())
        return 1
      },
    })
    const helper = toolAgent({
      name: 'helper',
      description,
      tools: [hang],
      budget: { timeMs: 200 },
      model: scriptedModel([calling(['hang', {}]), 'late answer']),
    })
    const boss = toolAgent({
      name: 'boss',
      description,
      agents: [helper],
      model: scriptedModel([calling(['helper', { task: 'x' }]), 'went on']),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(boss, 'Go.')
    await until(() => begun === 1)
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'went on' })
    expect(aborted).toBe(1)
    expect(await runtime.get(`${run.id}-1.1`)).toMatchObject({ status: 'limit', error: { code: 'budget/spent' } })
  })
})
