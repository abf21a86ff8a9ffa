import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, openRuntime, tool, toolAgent, type Hooks } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, lastMessage, ofType } from './support.ts'

const description = 'Works things out.'

function setUp(hooks: Hooks) {
  const ran: string[] = []
  const send = tool({
    name: 'send',
    description: 'Sends.',
    effect: 'write',
    input: z.object({ to: z.string() }),
    run: ({ to }) => {
      ran.push(to)
      return `sent to ${to}`
    },
  })
  const model = scriptedModel(
    code(
      "const out = []\nfor (const to of ['ann', 'eve']) { try { out.push(await send({ to })) } catch (error) { out.push(`${error.name}: ${error.message}`) } }\nfinalAnswer(out)",
    ),
  )
  return { ran, send, model, agent: codeAgent({ name: 'worker', description, model, tools: [send], hooks }) }
}

describe('before a tool', () => {
  it('deny: the call does not run, the code sees RejectedError with the reason, and the log says which rule', async () => {
    const { ran, agent } = setUp({
      beforeTool: ({ tool: name, args }) =>
        JSON.stringify(args).includes('eve') ? { decision: 'deny', reason: `${name} to strangers`, rule: 'known people' } : undefined,
    })
    const run = agent.run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ output: ['sent to ann', expect.stringMatching(/^RejectedError: .*send to strangers/)] })
    expect(ran).toEqual(['ann'])
    expect(ofType(events, 'policy').map(({ callId, decision, rule }) => [callId.split(':')[1], decision, rule])).toEqual([
      ['1.1', 'allow', 'hook'],
      ['1.2', 'deny', 'known people'],
    ])
  })

  it('ask: a person decides', async () => {
    const { ran, agent } = setUp({ beforeTool: ({ args }) => ({ decision: JSON.stringify(args).includes('eve') ? 'ask' : 'allow' }) })
    await using runtime = await openRuntime({ engine: memory() })
    const run = runtime.run(agent, 'Go.', {
      on: { 'approval-wanted': ({ callId }) => void runtime.reject(run.id, callId, { reason: 'no' }) },
    })
    expect(await run).toMatchObject({ output: ['sent to ann', expect.stringMatching(/^RejectedError: .*no/)] })
    expect(ran).toEqual(['ann'])
  })

  it('ask and deny hold for managed agents too', async () => {
    const sub = codeAgent({ name: 'sub', description, model: scriptedModel(code('finalAnswer("sub was here")')) })
    const boss = (decision: 'ask' | 'deny') =>
      codeAgent({
        name: 'boss',
        description,
        agents: [sub],
        hooks: { beforeTool: () => ({ decision }) },
        model: scriptedModel(code('try { finalAnswer(await sub({ task: "t" })) } catch (error) { finalAnswer(error.name) }')),
      })
    expect(await boss('deny').run('Go.')).toMatchObject({ output: 'RejectedError' })

    await using runtime = await openRuntime({ engine: memory() })
    const decided = (verdict: 'approve' | 'reject') => {
      const run = runtime.run(boss('ask'), 'Go.', { on: { 'approval-wanted': ({ callId }) => void runtime[verdict](run.id, callId) } })
      return run
    }
    const rejected = decided('reject')
    expect(await rejected).toMatchObject({ output: 'RejectedError' })
    expect((await runtime.entries(rejected.id)).every(({ run }) => run === rejected.id)).toBe(true)
    expect(await decided('approve')).toMatchObject({ output: 'sub was here' })
  })

  it('a hook that throws lets nothing pass', async () => {
    const { ran, agent } = setUp({
      beforeTool: () => {
        throw new Error('the policy server is down')
      },
    })
    const result = await agent.run('Go.')
    expect(JSON.stringify(result)).toContain('the policy server is down')
    expect(ran).toEqual([])
  })

  it('holds for the calls of a tool agent', async () => {
    const { ran, send } = setUp({})
    const model = scriptedModel([calling(['send', { to: 'eve' }], ['send', { to: 'ann' }]), 'done'])
    const hooks: Hooks = { beforeTool: ({ args }) => (JSON.stringify(args).includes('eve') ? { decision: 'deny' } : undefined) }
    await toolAgent({ name: 'worker', description, model, tools: [send], hooks }).run('Go.')
    expect(ran).toEqual(['ann'])
    expect(lastMessage(model)).toContain('RejectedError: send was not allowed')
  })
})

describe('after a tool', () => {
  it('replace: the code, the log and the model see the other output', async () => {
    const { agent } = setUp({ afterTool: ({ tool: name }, output) => ({ output: `${name}: ${String(output).replace(/ann|eve/, '…')}` }) })
    const run = agent.run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ output: ['send: sent to …', 'send: sent to …'] })
    expect(JSON.stringify(ofType(events, 'tool-end'))).not.toContain('sent to ann')
  })
})

describe('around the model', () => {
  it('before: another prompt is sent in place of the one given', async () => {
    const { model, agent } = setUp({
      beforeModel: ({ prompt }) => prompt.map((message) => (message.role === 'system' ? { ...message, content: 'REDACTED' } : message)),
    })
    await agent.run('Go.')
    expect(model.prompts[0]).toMatch(/^REDACTED/)
  })

  it('after: another text counts in place of the answer', async () => {
    const { agent, ran } = setUp({ afterModel: () => code('finalAnswer("replaced")') })
    expect(await agent.run('Go.')).toMatchObject({ output: 'replaced' })
    expect(ran).toEqual([])
  })

  it('after: the other text is what the model is shown again, beside reasoning that stays as it was', async () => {
    const model = scriptedModel([{ content: code('const secret = 1'), reasoning: 'think' }, code('finalAnswer("done")')])
    const hooks: Hooks = { afterModel: (_, { text }) => text.replace('secret', 'nothing') }
    await codeAgent({ name: 'worker', description, model, hooks }).run('Go.')
    expect(model.prompts[1]).toMatch(/think[\s\S]*const nothing = 1/)
    expect(model.prompts[1]).not.toContain('secret')
  })

  it('a hook that throws fails the call that it stands before', async () => {
    const { model, agent } = setUp({
      beforeModel: () => {
        throw new Error('not this prompt')
      },
    })
    await expect(agent.run('Go.')).rejects.toThrow('not this prompt')
    expect(model.calls).toHaveLength(0)
  })
})

describe('in a resumed run', () => {
  it('hooks that have spoken are not asked again', async () => {
    const asked: string[] = []
    const hooks: Hooks = {
      beforeModel: ({ step }) => void asked.push(`before model ${step}`),
      afterModel: ({ step }) => void asked.push(`after model ${step}`),
      beforeTool: ({ callId, args }) => {
        asked.push(`before ${callId.split(':')[1]}`)
        return { decision: JSON.stringify(args).includes('eve') ? 'ask' : 'allow' }
      },
      afterTool: ({ callId }) => void asked.push(`after ${callId.split(':')[1]}`),
    }
    const { agent, ran } = setUp(hooks)
    const engine = memory()
    const before = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
    const begun = before.run(agent, 'Go.')
    expect((await begun.untilWaiting()).status).toBe('waiting')
    await before[Symbol.asyncDispose]()
    expect(asked).toEqual(['before model 1', 'after model 1', 'before 1.1', 'after 1.1', 'before 1.2'])

    await using after = await openRuntime({ engine, agents: [agent] })
    await after.approve(begun.id)
    expect(await after.resume(begun.id)).toMatchObject({ status: 'done', output: ['sent to ann', 'sent to eve'] })
    expect(asked.slice(5)).toEqual(['after 1.2'])
    expect(ran).toEqual(['ann', 'eve'])
  })
})
