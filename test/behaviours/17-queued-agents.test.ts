import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memory } from '../../src/engine/memory/memory.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { codeAgent, openRuntime, queued, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code } from './support.ts'

const description = 'Works things out.'
const usage = { inputTokens: 100, outputTokens: 20 }
const root = mkdtempSync(join(tmpdir(), 'troupe-queued-'))
afterAll(() => rmSync(root, { recursive: true }))

/** A boss that asks two analysts in parallel; each reads twice. */
function team(seen: string[], usage: { inputTokens: number; outputTokens: number } = { inputTokens: 100, outputTokens: 20 }) {
  const read = tool({
    name: 'read',
    description: 'Reads.',
    effect: 'read',
    input: z.object({ n: z.number() }),
    run: async ({ n }) => {
      seen.push(`read ${n}`)
      return n * 10
    },
  })
  const analyst = codeAgent({
    name: 'analyst',
    description,
    tools: [read],
    model: scriptedModel({ content: code('finalAnswer((await read({ n: 1 })) + (await read({ n: 2 })))'), usage }),
  })
  const boss = (placed: typeof analyst) =>
    codeAgent({
      name: 'boss',
      description,
      agents: [placed],
      model: scriptedModel({
        content: code(
          'const answers = await Promise.all([analyst({ task: "a" }), analyst({ task: "b" })]); finalAnswer(JSON.stringify(answers))',
        ),
        usage,
      }),
    })
  return { analyst, local: boss(analyst), spread: boss(queued(analyst)) }
}

describe('agents that are called and queued', () => {
  it.each(['memory', 'sqlite'])('give what they give inside their caller, and count for its usage (%s)', async (store) => {
    const seen: string[] = []
    const { local, spread } = team(seen)
    const engine = store === 'memory' ? memory() : sqlite({ path: join(root, 'a.db') })
    await using runtime = await openRuntime({ engine, agents: [spread], parkAfterMs: 0 })
    const expected = await local.run('Go.')
    seen.length = 0
    await runtime.work({ concurrency: 1 })
    const id = await runtime.enqueue(spread, 'Go.')
    const result = await runtime.follow(id)
    expect(result).toMatchObject({ status: 'done', output: expected.status === 'done' ? expected.output : null, usage: expected.usage })
    expect(seen.toSorted()).toEqual(['read 1', 'read 1', 'read 2', 'read 2'])
    const children = (await runtime.entries(id)).filter((entry) => entry.type === 'run-start').map(({ run }) => run)
    expect(children.toSorted()).toEqual([id, `${id}-1.1`, `${id}-1.2`])
  })

  it('spend of the budget of the run that called them, all together', async () => {
    const { spread } = team([], { inputTokens: 1_000, outputTokens: 200 })
    await using runtime = await openRuntime({ engine: memory(), agents: [spread], parkAfterMs: 0 })
    await runtime.work({ concurrency: 4 })
    // The call of the boss and that of one analyst fit: 2,400 tokens. What is left is no room for the other's prompt.
    const id = await runtime.enqueue(spread, 'Go.', { budget: { tokens: 2_500 } })
    await runtime.follow(id)
    const usages = (await runtime.entries(id)).flatMap((entry) => (entry.type === 'model-end' && 'value' in entry.body ? [entry] : []))
    expect(usages.length).toBe(2)
    const ends = (await runtime.entries(id)).flatMap((entry) =>
      entry.type === 'agent-end' && 'status' in entry.body ? [entry.body.status] : [],
    )
    expect(ends.toSorted()).toEqual(['done', 'limit'])
  })

  it.each(['memory', 'sqlite'])('count their tool calls to one cap (%s)', async (store) => {
    const seen: string[] = []
    const { spread } = team(seen)
    const engine = store === 'memory' ? memory() : sqlite({ path: join(root, 'calls.db') })
    await using runtime = await openRuntime({ engine, agents: [spread], parkAfterMs: 0 })
    await runtime.work({ concurrency: 4 })
    const id = await runtime.enqueue(spread, 'Go.', { budget: { toolCalls: 3 }, maxSteps: 1 })
    const result = await runtime.follow(id)
    const ends = (await runtime.entries(id)).flatMap((entry) => (entry.type === 'agent-end' && 'status' in entry.body ? [entry.body] : []))
    expect(seen.length).toBe(3)
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['done', 'limit'])
    expect(JSON.stringify(ends)).toContain('3 tool calls')
    expect(result.status).not.toBe('done')
  })
})

describe("a tenant's budget", () => {
  it('is one for all its runs of a day, in every process, and no other tenant spends of it', async () => {
    const answering = toolAgent({
      name: 'clerk',
      description,
      model: scriptedModel({ content: 'Yes.', usage: { inputTokens: 400, outputTokens: 10 } }),
    })
    const options = { agents: [answering], tenantBudgets: { default: { day: { tokens: 1_500 } } } }
    const path = join(root, 'b.db')
    const run = async (tenant: string) => {
      await using runtime = await openRuntime({ engine: sqlite({ path }), ...options })
      const result = await runtime.run(answering, 'Go.', { tenant })
      return result.status
    }
    const statuses = [await run('a'), await run('a'), await run('a'), await run('a'), await run('a')]
    expect(statuses[0]).toBe('done')
    expect(statuses.at(-1)).toBe('limit')
    expect(await run('b')).toBe('done')
  })
})

it('a tool agent may park on a queued agent as well', async () => {
  const clerk = queued(toolAgent({ name: 'clerk', description, model: scriptedModel({ content: 'Seven.', usage }) }))
  const boss = toolAgent({
    name: 'boss',
    description,
    agents: [clerk],
    model: scriptedModel([calling(['clerk', { task: 'count' }]), { content: 'It is seven.' }]),
  })
  await using runtime = await openRuntime({ engine: memory(), agents: [boss], parkAfterMs: 0 })
  await runtime.work({ concurrency: 1 })
  expect(await runtime.follow(await runtime.enqueue(boss, 'Go.'))).toMatchObject({ output: 'It is seven.' })
})
