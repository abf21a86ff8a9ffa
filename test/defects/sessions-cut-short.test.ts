/** Faults of our own, found by review: a session whose last run ended in the middle of a step. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code } from '../behaviours/support.ts'
import { memoryPlace, opened, soon, storeWith, upTo } from './runtimes.ts'

const description = 'Works things out.'
const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({}), run: () => 'paid' })
const get = tool({ name: 'get', description: 'Gets.', effect: 'read', input: z.object({}), run: () => 1 })

/** A session whose run was cancelled when its log had got so far. */
async function cutShortAfter(type: 'code' | 'print' | 'tool-start', program: string) {
  const agent = codeAgent({
    name: 'worker',
    description,
    tools: [get, pay],
    model: scriptedModel([
      { when: /Hand over the money/, reply: code('finalAnswer(await pay({}))') },
      { when: /Say the second/, reply: code('finalAnswer("second")') },
      { reply: [code(program), code('finalAnswer("first")')] },
    ]),
  })
  const whole = await opened(memoryPlace().adapter())
  const { runId } = await whole.run(agent, 'Say the first.', { session: 's' })
  const runtime = await opened(await storeWith(upTo(await whole.entries(runId), type)), { agents: [agent] })
  await runtime.cancel(runId)
  expect(await runtime.get(runId)).toMatchObject({ status: 'cancelled' })
  return { runtime, agent }
}

it.each([
  ['code', 'console.log("hi")\nawait get({})\n5'],
  ['print', 'console.log("hi")\nawait get({})\nconsole.log("ho")\n5'],
  ['tool-start', 'console.log("hi")\nawait get({})\nconsole.log("ho")\nawait get({})'],
] as const)(
  'a run that was cut short after its %s, before all of its prints were written, leaves a session that goes on',
  async (type, program) => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const { runtime, agent } = await cutShortAfter(type, program)
    expect(await soon(runtime.run(agent, 'Say the second.', { session: 's' }))).toMatchObject({ status: 'done', output: 'second' })
    expect(await soon(runtime.run(agent, 'Say the second.', { session: 's' }))).toMatchObject({ status: 'done', output: 'second' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(unhandled).toEqual([])
  },
)

describe('a session with a run that was cut short in the middle of its code', () => {
  it.each(['code', 'tool-start'] as const)('parks its next run when that only waits, after the %s', async (type) => {
    const { runtime, agent } = await cutShortAfter(type, 'console.log("hi")\nawait get({})\nconsole.log("ho")\nawait get({})')
    const run = runtime.run(agent, 'Hand over the money.', { session: 's' })
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:1.1` }] })
    await runtime.approve(run.id)
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'paid' })
  })
})
