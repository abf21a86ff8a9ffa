import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, openRuntime, tool, toolAgent, type Agent, type Decision, type Runtime } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, lastMessage, ofType } from './support.ts'

const description = 'Works things out.'

function setUp(options: { readonly isAlways?: boolean } = {}) {
  const done: string[] = []
  const read = tool({
    name: 'read',
    description: 'Reads.',
    effect: 'read',
    input: z.object({ what: z.string() }),
    run: ({ what }) => void done.push(`read ${what}`),
  })
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    ...(options.isAlways
      ? { effect: 'irreversible' as const }
      : { effect: 'write' as const, needsApproval: ({ euros }: { euros: number }) => euros > 100 }),
    input: z.object({ euros: z.number() }),
    run: ({ euros }) => {
      done.push(`paid ${euros}`)
      return `paid ${euros}`
    },
  })
  return { done, read, pay }
}

/** Runs an agent and answers each question it asks by its arguments. */
async function answered(runtime: Runtime, agent: Agent, answer: (args: string) => readonly ['approve' | 'reject', Decision?]) {
  const run = runtime.run(agent, 'Go.', {
    on: {
      'approval-wanted': ({ callId, args }) => {
        const [verdict, decision] = answer(JSON.stringify(args))
        runtime[verdict](run.id, callId, decision).catch(() => {}) // the run would wait, and the test fail
      },
    },
  })
  const events = await eventsOf(run)
  return { events, result: await run }
}

describe('an approval in the middle of code', () => {
  const twoBills = code(
    'const out = []\nfor (const euros of [50, 500, 5000]) { try { out.push(await pay({ euros })) } catch (error) { out.push(`${error.name}: ${error.message}`) } }\nfinalAnswer(out)',
  )

  it('needsApproval asks for some arguments only; approve runs the call, reject is an error that the code sees', async () => {
    const { done, pay } = setUp()
    await using runtime = await openRuntime({ engine: memory() })
    const agent = codeAgent({ name: 'payer', description, tools: [pay], model: scriptedModel(twoBills) })
    const { events, result } = await answered(runtime, agent, (args) =>
      args.includes('5000') ? ['reject', { reason: 'too much', by: 'ann' }] : ['approve', { by: 'ann' }],
    )
    expect(result).toMatchObject({
      status: 'done',
      output: ['paid 50', 'paid 500', expect.stringMatching(/^RejectedError: pay was not allowed: too much/)],
    })
    expect(done).toEqual(['paid 50', 'paid 500'])
    expect(ofType(events, 'approval-wanted').map(({ tool: name, args, reason }) => [name, args, reason])).toEqual([
      ['pay', { euros: 500 }, 'approval'],
      ['pay', { euros: 5000 }, 'approval'],
    ])
    expect(ofType(events, 'approval-given').map(({ decision, by }) => [decision, by])).toEqual([
      ['approve', 'ann'],
      ['reject', 'ann'],
    ])
  })

  it('approve with a result: the call is not made, the code gets that result', async () => {
    const { done, pay } = setUp({ isAlways: true })
    await using runtime = await openRuntime({ engine: memory() })
    const agent = codeAgent({
      name: 'payer',
      description,
      tools: [pay],
      model: scriptedModel(code('finalAnswer(await pay({ euros: 1 }))')),
    })
    const { result } = await answered(runtime, agent, () => ['approve', { result: 'paid by hand' }])
    expect(result).toMatchObject({ status: 'done', output: 'paid by hand' })
    expect(done).toEqual([])
  })

  it('a rejection that the code does not catch is told to the model', async () => {
    const { pay } = setUp({ isAlways: true })
    const model = scriptedModel([code('await pay({ euros: 1 })'), code('finalAnswer("left")')])
    await using runtime = await openRuntime({ engine: memory() })
    const { result } = await answered(runtime, codeAgent({ name: 'payer', description, tools: [pay], model }), () => ['reject'])
    expect(result).toMatchObject({ status: 'done', output: 'left' })
    expect(lastMessage(model)).toContain('RejectedError: pay was not allowed. Do not call it again with the same arguments')
  })

  it('nothing is asked about arguments that do not fit', async () => {
    const { pay } = setUp({ isAlways: true })
    await using runtime = await openRuntime({ engine: memory() })
    const model = scriptedModel(code('try { await pay({ euros: "all" }) } catch (error) { finalAnswer(error.name) }'))
    const { events, result } = await answered(runtime, codeAgent({ name: 'payer', description, tools: [pay], model }), () => ['approve'])
    expect(result).toMatchObject({ output: 'ArgumentsError' })
    expect(ofType(events, 'approval-wanted')).toEqual([])
  })

  it('in a tool agent the calls beside it go on, and results come in call order', async () => {
    const { done, read, pay } = setUp({ isAlways: true })
    const model = scriptedModel([calling(['pay', { euros: 7 }], ['read', { what: 'a' }], ['pay', { euros: 8 }]), 'done'])
    await using runtime = await openRuntime({ engine: memory() })
    const agent = toolAgent({ name: 'payer', description, tools: [pay, read], model })
    const { result } = await answered(runtime, agent, (args) => [args.includes('7') ? 'approve' : 'reject'])
    expect(result.status).toBe('done')
    expect(done.toSorted()).toEqual(['paid 7', 'read a'])
    expect(lastMessage(model)).toMatch(/^paid 7\n.*\nRejectedError: /s)
  })
})

describe('parked and resumed', () => {
  it('goes on in another process without making a finished call again', async () => {
    const { done, read, pay } = setUp({ isAlways: true })
    const model = scriptedModel([
      code('let a = 1\nawait read({ what: "before" })\nconst paid = await pay({ euros: 3 })\na++\nawait read({ what: "after" })'),
      code('finalAnswer([a, paid])'),
    ])
    const agent = () => codeAgent({ name: 'payer', description, tools: [read, pay], model })
    const engine = memory()
    const before = await openRuntime({ engine, parkAfterMs: 0 })
    const begun = before.run(agent(), 'Go.')
    const waiting = await begun.untilWaiting()
    expect(waiting).toMatchObject({
      status: 'waiting',
      waits: [{ callId: `${begun.id}:1.2`, reason: 'approval', question: 'May pay be called? Arguments: {"euros":3}' }],
    })
    await before[Symbol.asyncDispose]()
    expect(done).toEqual(['read before'])

    await using after = await openRuntime({ engine, agents: [agent()] })
    expect(await after.get(begun.id)).toMatchObject({ status: 'waiting', waits: [{ callId: `${begun.id}:1.2` }] })
    await after.approve(begun.id)
    expect(await after.resume(begun.id)).toMatchObject({ status: 'done', output: [2, 'paid 3'] })
    expect(done).toEqual(['read before', 'paid 3', 'read after'])
    expect(model.calls).toHaveLength(2)
  })

  it('a wait in a managed agent is told at the root, and answered there', async () => {
    const { done, pay } = setUp({ isAlways: true })
    const payer = codeAgent({
      name: 'payer',
      description,
      tools: [pay],
      model: scriptedModel(code('finalAnswer(await pay({ euros: 3 }))')),
    })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [payer],
      model: scriptedModel(code('finalAnswer(await payer({ task: "t" }))')),
    })
    await using runtime = await openRuntime({ engine: memory(), parkAfterMs: 0 })
    const run = runtime.run(boss, 'Go.')
    const waiting = await run.untilWaiting()
    expect(waiting).toMatchObject({ status: 'waiting', waits: [{ reason: 'approval' }] })
    await runtime.approve(run.id)
    expect(await run).toMatchObject({ status: 'done', output: 'paid 3' })
    expect(done).toEqual(['paid 3'])
    await expect(runtime.approve(run.id)).rejects.toMatchObject({ code: 'run/not-waiting' })
  })

  it('a run that is cancelled while it waits makes no call', async () => {
    const { done, pay } = setUp({ isAlways: true })
    const agent = codeAgent({
      name: 'payer',
      description,
      tools: [pay],
      model: scriptedModel(code('finalAnswer(await pay({ euros: 3 }))')),
    })
    await using runtime = await openRuntime({ engine: memory(), parkAfterMs: 0 })
    const run = runtime.run(agent, 'Go.')
    await run.untilWaiting()
    await run.cancel()
    expect((await run).status).toBe('cancelled')
    expect(done).toEqual([])
  })
})
