import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, openRuntime, tool, toolAgent, TroupeError, type EngineAdapter } from '../index.ts'
import { memory } from '../engine/memory/memory.ts'
import { sqlite } from '../engine/sqlite/sqlite.ts'
import { quickjs } from '../sandbox/quickjs/quickjs.ts'
import { scriptedModel } from '../testing/scripted-model.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'troupe-session-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const sandbox = quickjs()
const code = (text: string): string => `\`\`\`ts\n${text}\n\`\`\``

const ENGINES: readonly [string, () => EngineAdapter][] = [
  ['memory', memory],
  ['sqlite', () => sqlite({ path: join(folder, `${Math.random()}.db`) })],
]

describe.each(ENGINES)('a session on %s', (_, engine) => {
  let asked = 0
  const price = tool({ name: 'price', description: 'A price.', input: z.object({}), output: z.number(), run: () => ++asked })
  // One list of turns over all runs of the session: its earlier answers are in each prompt.
  const model = scriptedModel([
    { when: /second task/, reply: ['', '', code('finalAnswer({ kept: base * 10, calls: [a, b] })')] },
    { when: /first task/, reply: [code('const a = await price({}); var base = 4'), code('const b = await price({})\nfinalAnswer(base)')] },
  ])
  const agent = codeAgent({ name: 'keeper', description: 'Keeps.', model, tools: [price], sandbox })

  it('shows a new run the words and the variables of the runs before it, and calls nothing again', async () => {
    asked = 0
    await using runtime = await openRuntime({ engine: engine() })
    expect(await runtime.run(agent, 'the first task', { session: 's', tenant: 't' })).toMatchObject({ status: 'done', output: 4, steps: 2 })
    const second = await runtime.run(agent, 'the second task', { session: 's', tenant: 't' })
    expect(second).toMatchObject({ status: 'done', output: { kept: 40, calls: [1, 2] }, steps: 1 })
    expect(asked).toBe(2)
  })

  it('is of one tenant, one agent and one id', async () => {
    await using runtime = await openRuntime({ engine: engine() })
    await runtime.run(agent, 'the first task', { session: 's', tenant: 't' })
    const stranger = scriptedModel([{ reply: [code('finalAnswer(typeof base)')] }])
    const other = codeAgent({ name: 'other', description: 'Another.', model: stranger, sandbox })
    expect(await runtime.run(other, 'the second task', { session: 's', tenant: 't' })).toMatchObject({ output: 'undefined' })
    const same = codeAgent({ name: 'keeper', description: 'Keeps.', model: stranger, sandbox })
    expect(await runtime.run(same, 'the second task', { session: 's', tenant: 'u' })).toMatchObject({ output: 'undefined' })
    expect(await runtime.run(same, 'the second task', { session: 'z', tenant: 't' })).toMatchObject({ output: 'undefined' })
  })

  it('leaves the variables behind with freshSandbox, and keeps the words', async () => {
    await using runtime = await openRuntime({ engine: engine() })
    const words = scriptedModel([
      { when: /second task/, reply: ['', code('finalAnswer(typeof base)')] },
      { when: /first task/, reply: [code('var base = 4; finalAnswer(base)')] },
    ])
    const fresh = codeAgent({ name: 'fresh', description: 'Forgets.', model: words, sandbox })
    await runtime.run(fresh, 'the first task', { session: 's' })
    expect(await runtime.run(fresh, 'the second task', { session: 's', freshSandbox: true })).toMatchObject({ output: 'undefined' })
  })

  it('refuses a second run while one has not ended, in this process and in the store', async () => {
    await using runtime = await openRuntime({ engine: engine(), parkAfterMs: 0 })
    const send = tool({ name: 'send', description: 'Sends.', effect: 'irreversible', input: z.object({}), run: () => 'sent' })
    const asks = codeAgent({
      name: 'asks',
      description: 'Asks.',
      model: scriptedModel([{ reply: [code('finalAnswer(await send({}))')] }]),
      tools: [send],
      sandbox,
    })
    const first = runtime.run(asks, 'go', { session: 's' })
    await first.untilWaiting()
    const error: unknown = await runtime.run(asks, 'go', { session: 's' }).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(TroupeError.is(error, 'session/busy')).toBe(true)
    await first.cancel()
    expect((await runtime.get(first.id)).status).toBe('cancelled')
  })

  it('goes on after a run that was cut short: what it had done counts', async () => {
    await using runtime = await openRuntime({ engine: engine(), parkAfterMs: 0 })
    const send = tool({ name: 'send', description: 'Sends.', effect: 'irreversible', input: z.object({}), run: () => 'sent' })
    const model = scriptedModel([
      { when: /second task/, reply: ['', code('finalAnswer(typeof early + typeof late)')] },
      { when: /first task/, reply: [code('var early = 1'), code('var late = 2; await send({})')] },
    ])
    const agent = codeAgent({ name: 'cut', description: 'Is cut short.', model, tools: [send], sandbox })
    const first = runtime.run(agent, 'the first task', { session: 's' })
    await first.untilWaiting()
    await first.cancel()
    // The step that was cut short is not a part of the past: its code had not ended.
    expect(await runtime.run(agent, 'the second task', { session: 's' })).toMatchObject({ output: 'numberundefined' })
  })
})

describe('a session of a tool agent', () => {
  it('shows the earlier calls and answers to the model', async () => {
    const model = scriptedModel([{ reply: ['the first answer', 'the second answer'] }])
    const agent = toolAgent({ name: 'talker', description: 'Talks.', model })
    await using runtime = await openRuntime({ engine: memory() })
    await runtime.run(agent, 'hello', { session: 's' })
    expect(await runtime.run(agent, 'and again', { session: 's' })).toMatchObject({ output: 'the second answer' })
    expect(JSON.stringify(model.prompts.at(-1))).toMatch(/hello.*the first answer.*and again/s)
  })
})
