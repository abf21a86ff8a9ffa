/** Faults of our own, found by review: what a person was asked, and what is done when a call may have happened. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, lastMessage, ofType } from '../behaviours/support.ts'
import { memoryPlace, opened, PLACES, soon, storeWith, until } from './runtimes.ts'

const description = 'Works things out.'

/** A payment that hangs until it is let on, so that a process can be stopped in the middle of it. */
function payment() {
  const gate = Promise.withResolvers<void>()
  const paid: string[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ n: z.number() }),
    run: async ({ n }, { idempotencyKey }) => {
      paid.push(idempotencyKey)
      await gate.promise
      return `paid ${n}`
    },
  })
  return { gate, paid, pay }
}

describe.each(PLACES)('an approved unknown outcome that a second crash makes unknown again, on %s', (_, place) => {
  it('is asked again, as a question of its own, and the call is not made unasked', async () => {
    const { adapter } = place()
    const { gate, paid, pay } = payment()
    const agent = toolAgent({ name: 'payer', description, tools: [pay], model: scriptedModel([calling(['pay', { n: 1 }]), 'finished']) })

    const first = await opened(adapter())
    const run = first.run(agent, 'Go.')
    await until(() => paid.length === 1)
    await first[Symbol.asyncDispose]()

    const second = await opened(adapter(), { agents: [agent] })
    const asked = { status: 'waiting', waits: [{ callId: `${run.id}:1.1`, reason: 'unknown-outcome' }] }
    expect(await soon(second.resume(run.id).untilWaiting())).toMatchObject(asked)
    await second.approve(run.id)
    await until(() => paid.length === 2)
    await second[Symbol.asyncDispose]()

    gate.resolve()
    const third = await opened(adapter(), { agents: [agent] })
    const resumed = third.resume(run.id)
    expect(await soon(resumed.untilWaiting())).toMatchObject(asked)
    expect(paid).toHaveLength(2)
    await third.approve(run.id)
    expect(await resumed).toMatchObject({ status: 'done', output: 'finished' })
    expect(paid).toEqual(Array.from({ length: 3 }, () => paid[0]))
  })
})

describe('code that cannot be resumed, with a write begun whose outcome nobody knows', () => {
  it('waits for a person before the model goes on', async () => {
    const { paid, pay } = payment()
    const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({ at: z.number() }), run: () => 1 })
    const model = scriptedModel([code('await look({ at: 1 })\nawait pay({ n: 1 })'), code('finalAnswer("on")')])
    const agent = codeAgent({ name: 'payer', description, tools: [pay, look], model })

    const first = await opened(memoryPlace().adapter())
    const run = first.run(agent, 'Go.')
    await until(() => paid.length === 1)
    await first[Symbol.asyncDispose]()

    // What the log has of the first call is not what the code does when it runs again.
    const left = await storeWith(await first.entries(run.id), (entry) =>
      entry.type === 'tool-start' && entry.key === '1.1' ? { ...entry, body: { tool: 'look', args: '{"at":2}' } } : entry,
    )
    const second = await opened(left, { agents: [agent] })
    const resumed = second.resume(run.id)
    expect(await soon(resumed.untilWaiting())).toMatchObject({
      status: 'waiting',
      waits: [{ callId: `${run.id}:1.2`, reason: 'unknown-outcome' }],
    })
    expect(model.calls).toHaveLength(1)
    await second.approve(run.id, undefined, { result: 'paid it by hand' })
    expect(await resumed).toMatchObject({ status: 'done', output: 'on' })
    expect(paid).toHaveLength(1)
    expect(lastMessage(model)).toContain('paid it by hand')
  })
})

describe.each(PLACES)('a recorded question, when the rule says otherwise before the resume, on %s', (_, place) => {
  function strict() {
    const rule = { isStrict: true }
    const paid: number[] = []
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      needsApproval: () => rule.isStrict,
      input: z.object({ n: z.number() }),
      run: ({ n }) => void paid.push(n),
    })
    const agent = toolAgent({ name: 'payer', description, tools: [pay], model: scriptedModel([calling(['pay', { n: 1 }]), 'finished']) })
    return { rule, paid, agent }
  }

  it('stays asked', async () => {
    const { adapter } = place()
    const { rule, paid, agent } = strict()
    const first = await opened(adapter())
    const run = first.run(agent, 'Go.')
    await run.untilWaiting()
    await first[Symbol.asyncDispose]()
    rule.isStrict = false
    const second = await opened(adapter(), { agents: [agent] })
    expect(await soon(second.resume(run.id).untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ reason: 'approval' }] })
    expect(paid).toEqual([])
  })

  it('and a rejection that was given is kept', async () => {
    const { adapter } = place()
    const { rule, paid, agent } = strict()
    const first = await opened(adapter())
    const run = first.run(agent, 'Go.')
    await run.untilWaiting()
    await first[Symbol.asyncDispose]()
    const second = await opened(adapter(), { agents: [agent] })
    await second.reject(run.id, undefined, { reason: 'no!' })
    rule.isStrict = false
    expect(await second.resume(run.id)).toMatchObject({ status: 'done' })
    expect(paid).toEqual([])
  })
})

describe('a result that is given with an approval', () => {
  const ask = async (result: number | string) => {
    const count = tool({
      name: 'count',
      description: 'Counts.',
      effect: 'irreversible',
      input: z.object({}),
      output: z.number(),
      run: () => {
        throw new Error('it was called, though its result was given')
      },
    })
    const agent = toolAgent({ name: 'counter', description, tools: [count], model: scriptedModel([calling(['count', {}]), 'finished']) })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(agent, 'Go.')
    const events = eventsOf(run)
    await run.untilWaiting()
    await runtime.approve(run.id, undefined, { result })
    return ofType(await events, 'tool-end')
  }

  it('is an error to the model when the tool could not have given it', async () => {
    expect(await ask('not a number')).toMatchObject([
      { tool: 'count', error: { name: 'ToolOutputError', message: expect.stringContaining('does not fit its output') as string } },
    ])
  })

  it('is the answer when it fits', async () => {
    expect(await ask(7)).toMatchObject([{ tool: 'count', output: 7 }])
  })
})
