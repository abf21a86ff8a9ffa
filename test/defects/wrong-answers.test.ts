/** Answers that come too often, too late, or to nobody: one clear error each. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling } from '../behaviours/support.ts'
import { errorOf, opened, PLACES } from './runtimes.ts'

const description = 'Works things out.'

function payer() {
  const paid: number[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    effect: 'irreversible',
    input: z.object({ n: z.number() }),
    run: ({ n }) => void paid.push(n),
  })
  return {
    paid,
    agent: toolAgent({ name: 'payer', description, tools: [pay], model: scriptedModel([calling(['pay', { n: 1 }]), 'finished']) }),
  }
}

describe.each(PLACES)('on %s', (_, place) => {
  const setUp = async () => {
    const { adapter } = place()
    const { paid, agent } = payer()
    const runtime = await opened(adapter(), { agents: [agent] })
    const run = runtime.run(agent, 'Go.')
    await run.untilWaiting()
    return { adapter, paid, agent, runtime, run, callId: `${run.id}:1.1` }
  }

  it.each(['approve', 'reject'] as const)(
    'an approval that is followed by another word (%s) stays, and the call is made once',
    async (second) => {
      const { paid, runtime, run, callId } = await setUp()
      const [first, again] = await Promise.allSettled([runtime.approve(run.id, callId), runtime[second](run.id, callId)])
      expect(first.status).toBe('fulfilled')
      expect(again).toMatchObject({ status: 'rejected', reason: { code: 'run/already-decided' } })
      expect(await run).toMatchObject({ status: 'done' })
      expect(await errorOf(runtime[second](run.id, callId))).toMatchObject({
        code: 'run/already-decided',
        message: expect.stringContaining(callId) as string,
      })
      expect(await errorOf(runtime[second](run.id))).toMatchObject({
        code: 'run/not-waiting',
        message: expect.stringContaining(run.id) as string,
      })
      expect(paid).toEqual([1])
      expect((await runtime.entries(run.id)).filter(({ type }) => type === 'approval-given')).toHaveLength(1)
    },
  )

  it('approve given twice to a run that no process has', async () => {
    const { adapter, agent, runtime, run, callId, paid } = await setUp()
    await runtime[Symbol.asyncDispose]()
    const other = await opened(adapter(), { agents: [agent] })
    await other.approve(run.id)
    expect(await errorOf(other.approve(run.id, callId))).toMatchObject({
      code: 'run/already-decided',
      message: expect.stringContaining(callId) as string,
    })
    expect(await other.resume(run.id)).toMatchObject({ status: 'done' })
    expect(paid).toEqual([1])
  })

  it('an answer to a call that there is not', async () => {
    const { runtime, run, callId } = await setUp()
    expect(await errorOf(runtime.approve(run.id, '7.7'))).toMatchObject({
      code: 'run/not-waiting',
      message: expect.stringContaining(callId) as string, // what is open
    })
    await run.cancel()
  })

  it('a signal, an approval and a rejection to an ended run; a cancel leaves it as it is', async () => {
    const { runtime, run } = await setUp()
    await runtime.approve(run.id)
    await run
    const entries = await runtime.entries(run.id)
    const named = { message: expect.stringContaining(run.id) as string }
    expect(await errorOf(runtime.signal(run.id, 'mail', 1))).toMatchObject({ code: 'run/ended', ...named })
    expect(await errorOf(runtime.approve(run.id))).toMatchObject({ code: 'run/not-waiting', ...named })
    expect(await errorOf(runtime.reject(run.id))).toMatchObject({ code: 'run/not-waiting', ...named })
    await runtime.cancel(run.id)
    expect(await runtime.get(run.id)).toMatchObject({ status: 'done' })
    expect(await runtime.entries(run.id)).toEqual(entries)
  })

  it('a run id that nobody knows', async () => {
    const runtime = await opened(place().adapter(), { agents: [payer().agent] })
    const unknown = 'r_of_nobody'
    const events = async (): Promise<void> => {
      for await (const event of runtime.events(unknown)) throw new Error(`there is an event: ${event.type}`)
    }
    const asked: Readonly<Record<string, () => PromiseLike<unknown>>> = {
      get: async () => runtime.get(unknown),
      signal: async () => runtime.signal(unknown, 'mail', 1),
      approve: async () => runtime.approve(unknown),
      'approve of a call': async () => runtime.approve(unknown, '1.1'),
      reject: async () => runtime.reject(unknown),
      cancel: async () => runtime.cancel(unknown),
      resume: () => runtime.resume(unknown),
      'resume, until it waits': async () => runtime.resume(unknown).untilWaiting(),
      fork: async () => runtime.fork(unknown, { step: 1 }),
      events,
    }
    for (const [name, ask] of Object.entries(asked)) {
      const error = await errorOf(ask())
      expect({ name, code: error.code }).toEqual({ name, code: 'run/not-found' })
      expect(error.message).toContain(unknown)
    }
    expect(await runtime.entries(unknown)).toEqual([])
    expect(await runtime.list()).toEqual([])
  })
})
