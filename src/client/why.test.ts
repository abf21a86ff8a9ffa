import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { AgentRef, RunContext } from '../engine/context.ts'
import { memory } from '../engine/memory/memory.ts'
import { codeAgent, openRuntime, tool, type Runtime } from '../index.ts'
import { scriptedModel, type ScriptedReply } from '../testing/scripted-model.ts'
import type { JsonValue } from '../util/json.ts'
import { whyOf, type Why, type WhySource } from './why.ts'

const fence = (code: string): string => `\`\`\`ts\n${code}\n\`\`\``

const boom = tool({
  name: 'boom',
  description: 'Fails.',
  effect: 'read',
  input: z.object({}),
  run: () => Promise.reject(new TypeError('the disk is gone')),
})

/** An agent of one function, with one step that is logged. */
function plain(activate: (ctx: RunContext) => Promise<JsonValue>, version = '1.0.0'): AgentRef<JsonValue> {
  return {
    name: 'plain',
    version,
    activate: async (_, ctx) => {
      await ctx.emit('1', 'step-start', { step: 1 })
      return { status: 'done', output: await activate(ctx) }
    },
  }
}

function writer(name: string, replies: readonly ScriptedReply[], more: Partial<Parameters<typeof codeAgent>[0]> = {}) {
  return codeAgent({ name, description: 'Works.', model: scriptedModel([{ agent: name, reply: replies }]), ...more })
}

async function why(runtime: Runtime, runId: string, source: Partial<WhySource> = {}): Promise<Why> {
  const told = whyOf(runId, await runtime.entries(runId), { queue: await runtime.queued(runId), ...source })
  if (!told) throw new Error(`no run ${runId}`)
  return told
}

const open = (): Promise<Runtime> => openRuntime({ engine: memory(), parkAfterMs: 10 })

async function ended(runtime: Runtime, agent: AgentRef, options: Parameters<Runtime['run']>[2] = {}): Promise<Why> {
  const run = runtime.run(agent, 'Go.', options)
  await Promise.resolve(run).catch(() => {})
  return why(runtime, run.id)
}

async function waiting(runtime: Runtime, agent: AgentRef): Promise<Why> {
  const run = runtime.run(agent, 'Go.')
  expect(await run.untilWaiting()).toMatchObject({ status: 'waiting' })
  return why(runtime, run.id)
}

describe('why a run has ended', () => {
  it('done', async () => {
    await using runtime = await open()
    expect(await ended(runtime, writer('main', [fence('finalAnswer(1)')]))).toMatchObject({
      status: 'done',
      summary: 'it is done, in 1 step',
      hint: null,
    })
  })

  it('failed by its model: the step, the error and the call of the model', async () => {
    await using runtime = await open()
    const told = await ended(runtime, writer('main', [fence('console.log(1)'), new Error('no such deployment')]))
    expect(told).toMatchObject({
      status: 'failed',
      place: { agent: 'main', step: 2 },
      failedCall: { call: 'the model', step: 2, error: expect.stringContaining('no such deployment') },
      hint: `when that is mended: troupe runs redrive ${told.runId}`,
    })
    expect(told.summary).toContain('in step 2 of main')
  })

  it('failed, and the last call that did is that of an agent below it', async () => {
    await using runtime = await open()
    const child = writer('child', [fence('await boom({})'), new Error('the child has no model')], { tools: [boom] })
    const parent = plain(async (ctx) => {
      await ctx.child('1.1', child, { task: 'x' }) // The parent gives up whatever became of it.
      throw new Error('I give up')
    })
    const told = await ended(runtime, parent)
    expect(told).toMatchObject({
      status: 'failed',
      place: { runId: told.runId, agent: 'plain', step: 1 },
      error: { code: 'agent/failed', message: 'I give up' },
      failedCall: { agent: 'child', step: 2, call: 'the model', error: expect.stringContaining('the child has no model') },
    })
  })

  it('failed, after an agent that it called came to a limit', async () => {
    await using runtime = await open()
    const parent: AgentRef = plain(async (ctx) => {
      await ctx.child('1.1', writer('child', [fence('await boom({})')], { tools: [boom], maxSteps: 1 }), { task: 'x' })
      throw new Error('I give up')
    })
    const { failedCall } = await ended(runtime, parent)
    expect(failedCall).toMatchObject({ agent: 'plain', step: 1, call: 'child', error: expect.stringContaining('the limit of 1 steps') })
    expect(failedCall?.callId).toMatch(/:1\.1$/)
  })

  it('at a limit: which one', async () => {
    await using runtime = await open()
    const told = await ended(runtime, writer('main', [fence('1')], { maxSteps: 2 }))
    expect(told).toMatchObject({ status: 'limit', hint: expect.stringContaining(`troupe runs fork ${told.runId} --step`) })
    expect(told.summary).toContain('the limit of 2 steps')
    const spent = await ended(
      runtime,
      writer('main', [fence('await boom({})\nawait boom({})')], { tools: [boom], budget: { toolCalls: 0 } }),
    )
    expect(spent).toMatchObject({ status: 'limit', summary: expect.stringContaining('the budget of 0 tool calls is spent') })
  })

  it('cancelled: by whom', async () => {
    await using runtime = await open()
    const run = runtime.run(
      plain(async (ctx) => ctx.wait('1.1', { topic: 'never' })),
      'Go.',
    )
    await run.untilWaiting()
    await runtime.cancel(run.id, 'the customer has left')
    expect(await why(runtime, run.id)).toMatchObject({
      status: 'cancelled',
      summary: 'it was cancelled in step 1 of plain: the customer has left',
    })
  })

  it('a dead letter', async () => {
    await using runtime = await open()
    const run = await runtime.enqueue(
      plain(async () => 1),
      'Go.',
      { expiresInMs: 1 },
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
    await using _worker = await runtime.work()
    await Promise.resolve(runtime.follow(run)).catch(() => {})
    expect(await why(runtime, run)).toMatchObject({
      status: 'failed',
      error: { code: 'queue/expired' },
      hint: expect.stringContaining('redrive'),
    })
  })
})

describe('why a run waits', () => {
  it('for an approval: of which call, and how it is answered', async () => {
    await using runtime = await open()
    const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({ usd: z.number() }), run: () => 'paid' })
    const told = await waiting(runtime, writer('main', [fence('await pay({ usd: 5 })')], { tools: [pay] }))
    expect(told).toMatchObject({ status: 'waiting', place: { agent: 'main', step: 1, call: 'pay' } })
    expect(told.waits).toMatchObject([{ reason: 'approval', callId: `${told.runId}:1.1` }])
    expect(told.waits[0]?.answers).toEqual([`troupe runs approve ${told.runId} 1.1`, `troupe runs reject ${told.runId} 1.1 --reason TEXT`])
    expect(told.hint).toContain(`troupe resume ${told.runId}`)
  })

  it('for a call whose outcome nobody knows', async () => {
    const engine = memory()
    let calls = 0
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      input: z.object({}),
      run: (_, { signal }) =>
        new Promise((_, reject) => {
          calls++
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    })
    const agent = writer('main', [fence('await pay({})')], { tools: [pay] })
    const first = await openRuntime({ engine, parkAfterMs: 10 })
    const { id } = first.run(agent, 'Go.')
    while (calls === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await first[Symbol.asyncDispose]()

    await using second = await openRuntime({ engine, parkAfterMs: 10, agents: [agent] })
    const before = await why(second, id)
    expect(before).toMatchObject({
      status: 'running',
      place: { call: 'pay', step: 1 },
      summary: expect.stringContaining('the call of pay'),
    })
    expect(before.hint).toContain(`troupe resume ${id}`)
    expect(await second.resume(id).untilWaiting()).toMatchObject({ status: 'waiting' })
    const told = await why(second, id)
    expect(told.waits).toMatchObject([{ reason: 'unknown-outcome' }])
    expect(told.waits[0]?.answers).toHaveLength(3)
    expect(calls).toBe(1)
  })

  it('for a signal, of a run below it: the command names topic and run', async () => {
    await using runtime = await open()
    const child = plain(async (ctx) => ctx.wait('1.1', { topic: 'weather', question: 'Is it raining?' }))
    const told = await waiting(runtime, {
      name: 'top',
      version: '1',
      activate: async (_, ctx) => (await ctx.child('1.2', child, { task: 'x' })) && { status: 'done' },
    })
    expect(told.waits).toMatchObject([
      {
        reason: 'signal',
        question: 'Is it raining?',
        answers: [`troupe runs signal ${told.runId}-1.2 weather JSON`],
        place: { agent: 'plain' },
      },
    ])
    expect(told.summary).toContain('Is it raining?')
  })

  it('for a time: until when', async () => {
    await using runtime = await open()
    const until = Date.now() + 3_600_000
    const told = await waiting(
      runtime,
      plain(async (ctx) => ctx.wait('1.1', { until })),
    )
    expect(told.waits).toMatchObject([{ reason: 'timer', until: new Date(until).toISOString(), answers: [] }])
    expect(told.summary).toContain(new Date(until).toISOString())
  })
})

describe('why nobody takes a run', () => {
  const agent = plain(async () => 1)

  it('it waits for its turn, and whether there is a worker', async () => {
    await using runtime = await open()
    const run = await runtime.enqueue(agent, 'Go.')
    expect(await why(runtime, run, { isServed: true })).toMatchObject({
      status: 'queued',
      summary: 'it is queued and waits for its turn',
      hint: null,
    })
    expect(await why(runtime, run, { isServed: false })).toMatchObject({ hint: expect.stringContaining('troupe worker') })
    const late = await runtime.enqueue(agent, 'Go.', { delayMs: 60_000 })
    expect((await why(runtime, late)).summary).toMatch(/waits until 20\d\d-/)
  })

  it('it broke and is tried again', async () => {
    await using runtime = await open()
    const run = await runtime.enqueue(agent, 'Go.')
    const queue = {
      status: 'queued',
      attempts: 2,
      maxAttempts: 5,
      lastError: 'engine/store-failed: the disk is full',
      notBefore: 0,
    } as const
    expect(await why(runtime, run, { queue })).toMatchObject({
      status: 'queued',
      error: { code: 'engine/store-failed', message: 'the disk is full' },
      summary: expect.stringContaining('attempt 2 of 5 broke'),
    })
  })

  it('its worker is gone', async () => {
    await using runtime = await open()
    const run = await runtime.enqueue(agent, 'Go.')
    const queue = { status: 'running', attempts: 1, maxAttempts: 5, lastError: null, notBefore: null } as const
    expect(await why(runtime, run, { queue, isServed: true })).toMatchObject({ status: 'running', hint: null })
    expect(await why(runtime, run, { queue, isServed: false })).toMatchObject({ hint: expect.stringContaining('no worker serves') })
  })

  it('another major version has begun it: adopt it', async () => {
    const engine = memory()
    await using first = await openRuntime({ engine, parkAfterMs: 10 })
    const run = await first.enqueue(agent, 'Go.')
    await using second = await openRuntime({ engine, parkAfterMs: 10, agents: [plain(async () => 2, '2.0.0')] })
    await using _worker = await second.work()
    while ((await second.queued(run))?.status !== 'dead') await new Promise((resolve) => setTimeout(resolve, 5))
    const told = await why(second, run)
    expect(told).toMatchObject({
      status: 'queued',
      error: { code: 'run/incompatible' },
      hint: expect.stringContaining(`troupe resume ${run} --adopt`),
    })
    expect(told.summary).toContain('dead letter')
  })

  it('another major version is configured here, seen before anybody tried', async () => {
    await using runtime = await open()
    const run = await runtime.enqueue(agent, 'Go.')
    const told = await why(runtime, run, { queue: null, otherVersion: { known: '1.0.0', here: '2.0.0' } })
    expect(told).toMatchObject({ status: 'running', hint: expect.stringContaining('--adopt') })
  })

  it('an unknown run has no reason', () => {
    expect(whyOf('r0', [], { queue: null })).toBeUndefined()
  })
})
