/** Faults of our own, found by review: a run that waits says so, once, and goes on when it is answered. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent, TroupeError } from '../../src/index.ts'
import { quickjs } from '../../src/sandbox/quickjs/quickjs.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code } from '../behaviours/support.ts'
import { memoryPlace, opened, PLACES, soon, sqlitePlace, until, wrapped } from './runtimes.ts'

const description = 'Works things out.'
const pay = tool({
  name: 'pay',
  description: 'Pays.',
  effect: 'irreversible',
  input: z.object({ n: z.number() }),
  run: ({ n }) => `paid ${n}`,
})
const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({}), run: () => 1 })

/** Asks three times, one after the other. */
function payer() {
  return toolAgent({
    name: 'payer',
    description,
    tools: [pay],
    model: scriptedModel([calling(['pay', { n: 1 }]), calling(['pay', { n: 2 }]), calling(['pay', { n: 3 }]), 'finished']),
  })
}

describe.each(PLACES)('untilWaiting, approve, untilWaiting, on %s', (_, place) => {
  it('tells each question when it is asked, never the one before, and never hangs', async () => {
    const runtime = await opened(place().adapter())
    const run = runtime.run(payer(), 'Go.')
    for (const n of [1, 2, 3]) {
      const callId = `${run.id}:${n}.1`
      expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId, reason: 'approval' }] })
      await runtime.approve(run.id, callId)
    }
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'done', output: 'finished' })
  })

  it('also for those who ask before the answer is written, and while it is', async () => {
    const runtime = await opened(place().adapter())
    const run = runtime.run(payer(), 'Go.')
    for (const n of [1, 2, 3]) {
      await soon(run.untilWaiting())
      const approving = runtime.approve(run.id, `${run.id}:${n}.1`)
      const [before] = await Promise.all([soon(run.untilWaiting()), approving])
      expect(before).not.toBe('nothing')
    }
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'done', output: 'finished' })
  })

  it('a signal that nobody waits for leaves the run waiting', async () => {
    const runtime = await opened(place().adapter())
    const run = runtime.run(payer(), 'Go.')
    await run.untilWaiting()
    await runtime.signal(run.id, 'nobody-waits-for-this', 1)
    expect(await runtime.get(run.id)).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:1.1` }] })
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:1.1` }] })
    expect(await runtime.get(run.id)).toMatchObject({ status: 'waiting' })
    expect(await runtime.list()).toMatchObject([{ runId: run.id, status: 'waiting' }])
  })
})

describe('answers that another process gives', () => {
  it('are followed by the next question, or by the end', async () => {
    const { adapter } = sqlitePlace()
    const [runtime, other] = await Promise.all([opened(adapter()), opened(adapter())])
    const run = runtime.run(payer(), 'Go.')
    for (const n of [1, 2, 3]) {
      const callId = `${run.id}:${n}.1`
      await until(async () => (await other.list())[0]?.waits[0]?.callId === callId)
      expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId }] })
      await other.approve(run.id, callId)
    }
    await until(async () => (await other.get(run.id)).status === 'done')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'done', output: 'finished' })
  })
})

describe('a tree of which only a question is left', () => {
  it('parks though a managed tool agent had spent its calls', async () => {
    const helper = toolAgent({
      name: 'helper',
      description,
      tools: [look],
      budget: { toolCalls: 1 },
      model: scriptedModel([calling(['look', {}], ['look', {}]), 'x']),
    })
    const boss = toolAgent({
      name: 'boss',
      description,
      tools: [pay],
      agents: [helper],
      model: scriptedModel([calling(['helper', { task: 'x' }]), calling(['pay', { n: 1 }]), 'finished']),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(boss, 'Go.')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:2.1` }] })
  })

  it.each([
    ['that step', ['console.log(1)', 'finalAnswer(await pay({ n: 1 }))']],
    ['it and the step before', ['const n = await look({})', 'console.log(n)\nfinalAnswer(await pay({ n }))']],
  ])('parks though a sandbox died in the middle of a step, and %s was run again', async (_, programs) => {
    let deaths = 0
    const mortal = wrapped(quickjs(), (session) => ({
      async *execute(program, options) {
        for await (const frame of session.execute(program, options)) {
          yield frame
          if (frame.type === 'print' && deaths++ === 0) throw new TroupeError('sandbox/closed', 'the worker died')
        }
      },
    }))
    const agent = codeAgent({
      name: 'payer',
      description,
      sandbox: mortal,
      tools: [pay, look],
      model: scriptedModel(programs.map(code)),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(agent, 'Go.')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:2.1` }] })
    expect(deaths).toBeGreaterThan(1)
  })

  it('parks though a sandbox died as it was opened', async () => {
    let deaths = 0
    const real = quickjs()
    const stillborn: Sandbox = {
      ...real,
      open: async (options) => {
        if (deaths++ === 0) throw new TroupeError('sandbox/closed', 'the worker died')
        return real.open(options)
      },
    }
    const agent = codeAgent({
      name: 'payer',
      description,
      sandbox: stillborn,
      tools: [pay],
      model: scriptedModel(code('finalAnswer(await pay({ n: 1 }))')),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(agent, 'Go.')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:1.1` }] })
    expect(deaths).toBe(2)
  })

  it('and with a question open when the sandbox died', async () => {
    let deaths = 0
    const mortal = wrapped(quickjs(), (session) => ({
      async *execute(program, options) {
        for await (const frame of session.execute(program, options)) {
          yield frame
          if (frame.type === 'idle' && deaths++ === 0) throw new TroupeError('sandbox/closed', 'the worker died')
        }
      },
    }))
    const agent = codeAgent({
      name: 'payer',
      description,
      sandbox: mortal,
      tools: [pay],
      model: scriptedModel(code('finalAnswer(await pay({ n: 1 }))')),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(agent, 'Go.')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'waiting', waits: [{ callId: `${run.id}:1.1` }] })
    await runtime.approve(run.id)
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'paid 1' })
  })
})

describe('a budget spent while an approval of the same action is open', () => {
  it('ends the run as limit, and asks nobody about a call that it would refuse', async () => {
    const program = 'const paying = pay({ n: 1 })\nfor (let i = 0; i < 5; i++) await look({})\nfinalAnswer(await paying)'
    const agent = codeAgent({
      name: 'payer',
      description,
      tools: [pay, look],
      budget: { toolCalls: 2 },
      model: scriptedModel(code(program)),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(agent, 'Go.')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'limit', error: { code: 'budget/spent' } })
    expect(await runtime.get(run.id)).toMatchObject({ status: 'limit', waits: [] })
  })
})

describe('a call that asks and that nobody waits for', () => {
  it('does not park the run, and its question goes with its step', async () => {
    const agent = codeAgent({
      name: 'payer',
      description,
      tools: [pay],
      model: scriptedModel([code('pay({ n: 1 })\n1'), code('finalAnswer("went on")')]),
    })
    const runtime = await opened(memoryPlace().adapter())
    const run = runtime.run(agent, 'Go.')
    expect(await soon(run.untilWaiting())).toMatchObject({ status: 'done', output: 'went on' })
    expect((await runtime.get(run.id)).waits).toEqual([])
  })
})

describe('two runtimes that start one session at once', () => {
  it('one goes on, the other gets session/busy', async () => {
    const { adapter } = sqlitePlace()
    const runtimes = await Promise.all([opened(adapter()), opened(adapter())])
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      effect: 'read',
      input: z.object({}),
      run: async () => new Promise((resolve) => setTimeout(() => resolve(1), 400)),
    })
    const agent = toolAgent({ name: 'worker', description, tools: [slow], model: scriptedModel([calling(['slow', {}]), 'finished']) })
    for (const session of ['a', 'b', 'c']) {
      const ends = await Promise.all(
        runtimes.map((runtime) =>
          runtime.run(agent, 'Go.', { session }).then(
            ({ status }) => status,
            (error: unknown) => (TroupeError.is(error) ? error.code : String(error)),
          ),
        ),
      )
      expect(ends.toSorted()).toEqual(['done', 'session/busy'])
    }
  })
})
