import { expect, it } from 'vitest'
import { z } from 'zod'
import type { AgentRef, Placement, RemoteTask } from '../../src/engine/context.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { endTopic } from '../../src/engine/queue.ts'
import { openRuntime, queued, tool, toolAgent, TroupeError } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { detach } from '../../src/util/detach.ts'
import { dropped } from '../../src/util/never.ts'
import { calling } from '../behaviours/support.ts'
import { changed, errorOf, memoryPlace, opened, PLACES, soon, until } from './runtimes.ts'

const description = 'Works things out.'

/** A boss that calls an agent in another store, and what was sent there; each task is said to have used so many tokens. */
async function bossOf(turns: readonly object[], tokens: number) {
  const sent: RemoteTask[] = []
  const placement: Placement = {
    type: 'remote',
    send: async (task) => {
      if (sent.some(({ run }) => run === task.run)) return // A task is sent again by each activation that finds it open.
      sent.push(task)
      const usage = { inputTokens: tokens, outputTokens: 0 }
      const tell = () => runtime.signal(task.parentRun, endTopic(task.run), { status: 'done', output: 'Seven.', usage, runId: task.run })
      setTimeout(() => detach(tell()), 5)
    },
  }
  const far = { ...toolAgent({ name: 'far', description, model: scriptedModel({ content: 'Never asked.' }) }), placement }
  const boss = toolAgent({ name: 'boss', description, agents: [far], model: scriptedModel(turns) })
  const runtime = await openRuntime({ engine: memory(), agents: [boss, far], parkAfterMs: 0 })
  return { boss, runtime, sent }
}

const usage = { inputTokens: 400, outputTokens: 100 }
const ask = { ...calling(['far', { task: 'count' }]), usage }
const askTwice = { ...calling(['far', { task: 'count' }], ['far', { task: 'count again' }]), usage }

it('an agent in another store gets what is left of the budget, and what it reports is spent', async () => {
  const { boss, runtime, sent } = await bossOf([ask, ask, { content: 'It is seven.', usage }], 1_000)
  await using _ = runtime
  const result = await runtime.run(boss, 'Go.', { budget: { tokens: 4_000 } })
  expect(sent.map(({ input }) => input.budget)).toEqual([{ tokens: 3_500 }, { tokens: 2_000 }])
  expect(result).toMatchObject({ status: 'done', usage: { inputTokens: 3_200 } })
})

it('what it has used ends a run that has no more', async () => {
  const { boss, runtime, sent } = await bossOf([ask, ask, { content: 'It is seven.', usage }], 3_400)
  await using _ = runtime
  const result = await runtime.run(boss, 'Go.', { budget: { tokens: 4_000 } })
  expect(result).toMatchObject({ status: 'limit', error: { code: 'budget/spent' } })
  expect(sent.length).toBe(1)
})

it('two at once never get more together than is left', async () => {
  const { boss, runtime, sent } = await bossOf([askTwice, { content: 'It is seven.', usage }], 1_000)
  await using _ = runtime
  const result = await runtime.run(boss, 'Go.', { budget: { tokens: 4_000 } })
  expect(sent.map(({ input }) => input.budget)).toEqual([{ tokens: 3_500 }, { tokens: 2_500 }])
  expect(result.status).toBe('done')
})

/** An agent in another store that has been sent for, and what was sent; nobody there answers by itself. */
function silent() {
  const sent: RemoteTask[] = []
  const placement: Placement = { type: 'remote', send: async (task) => void sent.push(task) }
  const far: AgentRef = { name: 'far', version: '1', placement, activate: () => dropped() }
  const answer = (run: string, tokens: number) => ({
    status: 'done' as const,
    output: 'Seven.',
    usage: { inputTokens: tokens, outputTokens: 0 },
    runId: run,
  })
  return { far, sent, answer }
}

it.each(PLACES)(
  'what was lent is held again before anything else of the run asks, and the task that is sent again has the same (%s)',
  async (_, place) => {
    const { adapter } = place()
    const { far, sent, answer } = silent()
    const order: string[] = []
    const boss: AgentRef = {
      name: 'boss',
      version: '1',
      activate: async (input, ctx) => {
        const spend = async (): Promise<number> => {
          await ctx.during(() => until(() => sent.length > 0)) // The second time there is nothing to wait for.
          return ctx.step('spend', async ({ signal }) => {
            const held = await ctx.budget.reserve({ inputTokens: 100, maxOutputTokens: 900, price: null }, signal)
            order.push('spend')
            await held.settle({ inputTokens: 100, outputTokens: 400 })
            return held.maxOutputTokens
          })
        }
        const call = async (): Promise<string> => (await ctx.child('far', far, { task: 'count' })).status
        return { status: 'done', output: await Promise.all([spend(), call()]) }
      },
    }
    const first = await opened(adapter())
    const run = first.run(boss, 'Go.', { budget: { tokens: 4_000 } })
    await until(() => sent.length === 1)
    await first[Symbol.asyncDispose]()

    const second = await opened(adapter(), { agents: [boss] })
    const again = second.resume(run.id)
    await until(() => sent.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 50)) // In which nothing may be spent.
    order.push('far')
    const task = sent[1]?.run ?? ''
    await second.signal(run.id, endTopic(task), answer(task, 3_000))
    expect(await soon(again)).toMatchObject({ status: 'done', output: [900, 'done'] })
    expect(order).toEqual(['far', 'spend'])
    expect(sent.map(({ input }) => input.budget)).toEqual([{ tokens: 4_000 }, { tokens: 4_000 }])
  },
)

it.each(PLACES)('what it has used is charged once, though the process ends before its end is in the log (%s)', async (_, place) => {
  const { adapter } = place()
  const { far, sent, answer } = silent()
  const boss: AgentRef = {
    name: 'boss',
    version: '1',
    activate: async (input, ctx) => ({ status: 'done', output: (await ctx.child('far', far, { task: 'count' })).status }),
  }
  const tenantBudgets = { default: { month: { tokens: 100_000 } } }
  const failing = changed(adapter(), (store) => ({
    append: async (run, entries, epoch) => {
      if (entries.some(({ type }) => type === 'agent-end'))
        throw new TroupeError('engine/store-failed', 'the disk is gone', { retryable: false })
      return store.append(run, entries, epoch)
    },
  }))
  const first = await opened(failing, { tenantBudgets })
  const run = first.run(boss, 'Go.', { tenant: 'a' })
  await until(() => sent.length === 1)
  const task = sent[0]?.run ?? ''
  await first.signal(run.id, endTopic(task), answer(task, 3_000))
  expect((await errorOf(run)).code).toBe('engine/store-failed')
  await first[Symbol.asyncDispose]()

  const engine = adapter()
  const second = await opened(engine, { agents: [boss], tenantBudgets })
  expect(await soon(second.resume(run.id))).toMatchObject({ status: 'done', output: 'done' })
  const store = await engine.open()
  const { spent } = await store.ledger.spent(`tenant:a:${new Date().toISOString().slice(0, 7)}`)
  expect(spent.tokens).toBe(3_000)
  if (store.shared) await store[Symbol.asyncDispose]()
})

it('a call that nobody waits for any more gives back what it was lent', async () => {
  const { far, sent } = silent()
  const boss: AgentRef = {
    name: 'boss',
    version: '1',
    activate: async (input, ctx) => {
      const over = new AbortController()
      const call = ctx.child('far', far, { task: 'count' }, over.signal)
      await ctx.during(() => until(() => sent.length > 0))
      over.abort()
      const { status } = await call
      return { status: 'done', output: [status, Number(ctx.budget.state().reserved['tokens'])] }
    },
  }
  const runtime = await opened(memoryPlace().adapter())
  expect(await soon(runtime.run(boss, 'Go.', { budget: { tokens: 4_000 } }))).toMatchObject({ output: ['cancelled', 0] })
})

it.each(PLACES)(
  'a call that was approved is made and counted once, though the store is slow and another question is open (%s)',
  async (_, place) => {
    const paid: number[] = []
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      effect: 'irreversible',
      input: z.object({ n: z.number() }),
      run: ({ n }) => {
        paid.push(n)
        return 'paid'
      },
    })
    const clerk = queued(toolAgent({ name: 'clerk', description, model: scriptedModel({ content: 'Never asked.' }) }))
    const boss = toolAgent({
      name: 'boss',
      description,
      tools: [pay],
      agents: [clerk],
      model: scriptedModel([calling(['pay', { n: 1 }], ['pay', { n: 2 }]), { content: 'Both are paid.' }]),
    })
    const engine = changed(place().adapter(), ({ ledger }) => ({
      ledger: {
        reserve: async (holder, scopes, amount) => {
          await new Promise((resolve) => setTimeout(resolve, 60))
          return ledger.reserve(holder, scopes, amount)
        },
        settle: (id, amount) => ledger.settle(id, amount),
        release: (holder) => ledger.release(holder),
        spent: (scope) => ledger.spent(scope),
      },
    }))
    const runtime = await opened(engine, { parkAfterMs: 0 })
    const run = runtime.run(boss, 'Go.', { budget: { toolCalls: 2 } })
    await run.untilWaiting()
    await runtime.approve(run.id, '1.1')
    await until(() => paid.length === 1)
    await runtime.approve(run.id, '1.2')
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'Both are paid.' })
    expect(paid).toEqual([1, 2])
  },
)
