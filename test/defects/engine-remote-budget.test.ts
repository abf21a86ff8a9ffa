import { expect, it } from 'vitest'
import type { Placement, RemoteTask } from '../../src/engine/context.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { endTopic } from '../../src/engine/queue.ts'
import { openRuntime, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { detach } from '../../src/util/detach.ts'
import { calling } from '../behaviours/support.ts'

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
