/** Faults of our own, found by review: an agent that is called ends with its caller, gives what it has, and keeps nothing. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Entry } from '../../src/client/entry.ts'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { quickjs } from '../../src/sandbox/quickjs/quickjs.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, waitMs } from '../behaviours/support.ts'
import { memoryPlace, opened, PLACES, soon, storeWith, until, upTo, wrapped } from './runtimes.ts'

const description = 'Works things out.'

describe('a child that nobody waits for', () => {
  function family() {
    const mails = { begun: 0, aborted: 0, sent: 0 }
    const mail = tool({
      name: 'mail',
      description: 'Sends a mail.',
      input: z.object({}),
      run: async (_, { signal }) => {
        mails.begun++
        signal.addEventListener('abort', () => mails.aborted++)
        await waitMs(8_000, signal)
        mails.sent++
        return 'sent'
      },
    })
    const helper = toolAgent({ name: 'helper', description, tools: [mail], maxSteps: 50, model: scriptedModel(calling(['mail', {}])) })
    const think = tool({ name: 'think', description: 'Thinks.', effect: 'read', input: z.object({}), run: async () => waitMs(1_000) })
    const boss = codeAgent({
      name: 'boss',
      description,
      tools: [think],
      agents: [helper],
      model: scriptedModel([code('helper({ task: "x" })\n1'), code('await think({})\nfinalAnswer("went on")')]),
    })
    return { mails, boss }
  }

  it.each(PLACES)('is ended when its caller gives it up, before its caller is, on %s', async (_, place) => {
    const { mails, boss } = family()
    const runtime = await opened(place().adapter())
    const run = runtime.run(boss, 'Go.')
    const child = `${run.id}-1.1`
    expect(await run).toMatchObject({ status: 'done', output: 'went on' })
    expect(await runtime.get(child)).toMatchObject({ status: 'cancelled' })
    expect(mails).toEqual({ begun: 1, aborted: 1, sent: 0 })
    const order = (await runtime.entries(run.id)).map((entry) => `${entry.run} ${entry.type} ${entry.key}`)
    const ended = order.indexOf(`${child} run-end end`)
    expect(ended).toBeGreaterThan(0)
    expect(ended).toBeLessThan(order.indexOf(`${run.id} action-end 2.end`))
  })

  it.each(PLACES)('is ended with a run that ends at once, on %s', async (_, place) => {
    const boss = endingAtOnce()
    const runtime = await opened(place().adapter())
    const run = runtime.run(boss, 'Go.')
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'went on' })
    const logs = Map.groupBy(await runtime.entries(run.id), (entry) => entry.run)
    for (const [, entries] of logs) expect(entries.at(-1)?.type).toBe('run-end')
    expect((await runtime.entries(run.id)).at(-1)).toMatchObject({ run: run.id, type: 'run-end' })
  })

  /** Its last step ends while the agent that it has called is at work. */
  function endingAtOnce() {
    const mail = tool({ name: 'mail', description: 'Sends.', input: z.object({}), run: async () => waitMs(300) })
    const helper = toolAgent({ name: 'helper', description, tools: [mail], model: scriptedModel(calling(['mail', {}])) })
    const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({}), run: async () => waitMs(50) })
    const program = code('helper({ task: "x" })\nawait look({})\nfinalAnswer("went on")')
    return codeAgent({ name: 'boss', description, tools: [look], agents: [helper], model: scriptedModel(program) })
  }

  it('is ended with its parent after a crash too', async () => {
    const { boss } = family()
    const first = await opened(memoryPlace().adapter())
    const run = first.run(boss, 'Go.')
    await run
    const child = `${run.id}-1.1`
    // The crash came when the first step of the parent was over, and the end of the child was not written yet.
    const left = upTo(await first.entries(run.id), 'action-end', run.id).filter((entry) => entry.run !== child || entry.type !== 'run-end')
    const runtime = await opened(await storeWith(left), { agents: [boss] })
    expect((await runtime.get(child)).status).toBe('running')
    expect(await soon(runtime.resume(run.id))).toMatchObject({ status: 'done', output: 'went on' })
    expect(await runtime.get(child)).toMatchObject({ status: 'cancelled' })
  })
})

describe('the best answer of a child that ended at a limit', () => {
  const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({}), run: () => 1 })
  const family = () => {
    const helper = toolAgent({
      name: 'helper',
      description,
      tools: [look],
      maxSteps: 1,
      model: scriptedModel([calling(['look', {}]), 'the best so far is 42']),
    })
    return toolAgent({
      name: 'boss',
      description,
      agents: [helper],
      model: scriptedModel([calling(['helper', { task: 'x' }]), 'finished']),
    })
  }
  const told = (entries: readonly Entry[]) => JSON.stringify(entries.find((entry) => entry.type === 'call-settled')?.body)

  it('is given to its parent', async () => {
    const runtime = await opened(memoryPlace().adapter())
    const { runId } = await runtime.run(family(), 'Go.')
    expect(told(await runtime.entries(runId))).toContain('the best so far is 42')
  })

  it('also when the parent was stopped between the end of the child and taking it', async () => {
    const first = await opened(memoryPlace().adapter())
    const { runId } = await first.run(family(), 'Go.')
    const entries = await first.entries(runId)
    for (const last of ['run-end', 'agent-end'] as const) {
      const left = upTo(entries, last)
      expect(left.some((entry) => entry.type === 'call-settled')).toBe(false)
      const runtime = await opened(await storeWith(left), { agents: [family()] })
      expect(await soon(runtime.resume(runId))).toMatchObject({ status: 'done' })
      expect(told(await runtime.entries(runId))).toContain('the best so far is 42')
    }
  })
})

describe('children that have ended', () => {
  it('keep no sandbox open, however long their caller goes on', async () => {
    let open = 0
    let most = 0
    const counting = wrapped(quickjs(), (session) => {
      most = Math.max(most, ++open)
      return {
        [Symbol.asyncDispose]: async () => {
          open--
          await session[Symbol.asyncDispose]()
        },
      }
    })
    const helper = codeAgent({ name: 'helper', description, sandbox: counting, model: scriptedModel(code('finalAnswer(1)')) })
    const program = 'let sum = 0\nfor (let i = 0; i < 12; i++) sum += await helper({ task: `number ${i}` })\nfinalAnswer(sum)'
    const boss = codeAgent({ name: 'boss', description, sandbox: counting, agents: [helper], model: scriptedModel(code(program)) })
    const runtime = await opened(memoryPlace().adapter())
    expect(await runtime.run(boss, 'Go.')).toMatchObject({ status: 'done', output: 12 })
    expect(most).toBeLessThanOrEqual(4) // the caller's, the child's, and what is being closed
    await until(() => open === 0)
  })
})
