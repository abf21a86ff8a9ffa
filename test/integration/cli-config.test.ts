import { describe, expect, it, vi } from 'vitest'
import type { JsonValue } from '../../src/util/json.ts'
import { fence, place, type Place } from './cli-harness.ts'
import { onlyWhenAllAsked } from '../services.ts'

vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

const head = `import { codeAgent, defineConfig, queued, tool } from 'troupe'
import { z } from 'zod'
const one = tool({ name: 'one', description: 'One.', effect: 'read', input: z.object({}), output: z.number(), run: () => 1 })
const two = tool({ name: 'two', description: 'Two.', effect: 'read', input: z.object({}), output: z.number(), run: () => 2 })
let running = 0
const crowd = tool({ name: 'crowd', description: 'How many are here.', effect: 'read', input: z.object({}), output: z.number(), run: async () => {
  running++
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  return running--
} })
`

type Line = Readonly<Record<string, JsonValue>>
const leaves = (runId: string, status: string) => (line: object) =>
  (line as Line)['type'] === 'run-left' && (line as Line)['runId'] === runId && (line as Line)['status'] === status

/** Queues runs, lets one worker with these arguments end them, and gives their outputs. */
async function worked(at: Place, runs: readonly (readonly string[])[], args: readonly string[] = []): Promise<readonly JsonValue[]> {
  const ids: string[] = []
  for (const run of runs) ids.push((await at.troupe(['run', 'go', '--detach', ...run])).runId)
  const worker = at.start(['worker', '--json', ...args])
  await Promise.all(ids.map((id) => worker.event(leaves(id, 'done'))))
  worker.child.kill('SIGTERM')
  expect(await worker.ended).toMatchObject({ code: 0 })
  return Promise.all(ids.map(async (id) => (await at.troupe(['runs', 'show', id, '--json'])).last['output'] ?? null))
}

describe('the configuration', () => {
  it('caps what runs of a tenant at once', async (context) => {
    onlyWhenAllAsked(context)
    const at = place()
    const agents = `model: '${at.script(fence('finalAnswer(await crowd({}))'))}', agents: { main: codeAgent({ name: 'main', description: 'x', tools: [crowd] }) }`
    at.write(
      'troupe.config.ts',
      `${head}export default defineConfig({ ${agents}, queue: { limits: { tenants: { a: { concurrency: 1 } } } } })`,
    )
    const ofA = ['--tenant', 'a']
    expect(await worked(at, [ofA, ofA, ofA])).toEqual([1, 1, 1])
    // Without the cap all have begun before the first is done: that the tool counts right shows here.
    const free = await worked(at, [['--tenant', 'b'], ['--tenant', 'c'], []])
    expect(Math.max(...free.map(Number))).toBeGreaterThan(1)
  })

  it('gives a tenant a budget for the day, which the next run finds spent', async () => {
    const at = place()
    at.write(
      'script.json',
      JSON.stringify([{ turns: [{ content: fence('finalAnswer(1)'), usage: { inputTokens: 9_900, outputTokens: 10 } }] }]),
    )
    const agents = `model: 'script:script.json', agents: { main: codeAgent({ name: 'main', description: 'x', maxOutputTokens: 100 }) }`
    at.write(
      'troupe.config.ts',
      `${head}export default defineConfig({ ${agents}, tenantBudgets: { tenants: { acme: { day: { tokens: 10_000 } } } } })`,
    )
    expect(await at.troupe(['run', 'go', '--tenant', 'acme', '--json'])).toMatchObject({ code: 0, last: { status: 'done' } })
    const spent = await at.troupe(['run', 'go', '--tenant', 'acme', '--json'])
    expect(spent).toMatchObject({ code: 3, last: { type: 'run-end', status: 'limit', error: { code: 'budget/spent' } } })
    expect((await at.troupe(['runs', 'why', spent.runId])).out).toContain('tenant:acme')
    expect(await at.troupe(['run', 'go', '--tenant', 'other', '--json'])).toMatchObject({ code: 0 })
  })

  it('has tools for the default agent, of which --tools chooses', async () => {
    const at = place()
    at.write(
      'troupe.config.ts',
      `${head}export default defineConfig({ model: '${at.script(fence('finalAnswer([typeof one, typeof two])'))}', tools: [one, two] })`,
    )
    expect(await at.troupe(['run', 'go', '--json'])).toMatchObject({ code: 0, last: { output: ['function', 'function'] } })
    expect(await at.troupe(['run', 'go', '--tools', 'two', '--json'])).toMatchObject({
      code: 0,
      last: { output: ['undefined', 'function'] },
    })
    expect(await at.troupe(['run', 'go', '--tools', 'tow'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean two?; there are one, two'),
    })
  })
})

describe('a managed agent with a place in the queue', () => {
  it('is run by a worker of its own, which --agents names', async () => {
    const at = place()
    at.write(
      'script.json',
      JSON.stringify([
        { agent: 'boss', turns: [{ content: fence("finalAnswer((await helper({ task: 'help' })) + 1)") }] },
        { agent: 'helper', turns: [{ content: fence('finalAnswer(await one({}))') }] },
      ]),
    )
    at.write(
      'troupe.config.ts',
      `${head}const helper = codeAgent({ name: 'helper', description: 'Helps.', tools: [one] })
       export default defineConfig({ model: 'script:script.json', agents: { lead: codeAgent({ name: 'boss', description: 'Leads.', agents: [queued(helper)] }) } })`,
    )
    const run = at.start(['run', 'go', '--json', '--wait', '60'])
    const worker = at.start(['worker', '--json', '--agents', 'helper'])
    expect(await run.ended).toMatchObject({ code: 0, last: { type: 'run-end', output: 2 } })
    worker.child.kill('SIGTERM')
    const { events, code } = await worker.ended
    expect(code).toBe(0)
    expect((events as readonly object[] as readonly Line[]).filter(({ type }) => type === 'run-left')).toMatchObject([
      { agent: 'helper', status: 'done' },
    ])
  })
})
