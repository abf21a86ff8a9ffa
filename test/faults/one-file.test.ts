/** Many processes on one SQLite file at once: `troupe run` beside `troupe run`, and a worker beside them. */
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { fence, place } from '../integration/cli-harness.ts'
import { castOf } from './cast.ts'
import { farEnd } from './far-end.ts'
import { player } from './player.ts'
import { until } from './until.ts'

it('four `troupe run` and a worker on one file all end, each with all its effects once', { timeout: 120_000 }, async () => {
  await using outside = await farEnd()
  const { dir, write, script, start } = place()
  const store = join(dir, 'troupe.db')
  write(
    'troupe.config.ts',
    `import { defineConfig, codeAgent, tool } from 'troupe'
import { z } from 'zod'
const hit = tool({ name: 'hit', description: 'Counts.', effect: 'idempotent', input: z.object({ n: z.number() }), output: z.number(), run: async ({ n }, { idempotencyKey }) => {
  await fetch('${outside.url}/do/hit', { method: 'POST', headers: { 'idempotency-key': idempotencyKey } })
  return n
} })
export default defineConfig({ agents: { main: codeAgent({ name: 'main', description: 'Adds.', tools: [hit] }) } })
`,
  )
  const model = script(fence('let s = 0\nfor (let n = 1; n <= 10; n++) s += await hit({ n })\nfinalAnswer(s)'))

  const cast = castOf(outside.url)
  const runtime = await openRuntime({ engine: sqlite({ path: store }), agents: Object.values(cast) })
  onTestFinished(() => runtime[Symbol.asyncDispose]())
  const worker = player({ store, url: outside.url, task: { type: 'work', options: { concurrency: 3 } } })
  await worker.said('works')
  const cli = Array.from({ length: 4 }, () => start(['run', 'Add.', '--json', '--model', model, '--store', `sqlite:${store}`]).ended)
  const queued = await Promise.all(Array.from({ length: 20 }, (_, i) => runtime.enqueue(cast['errand']!, 'go', { runId: `q${i}` })))

  const runs: string[] = []
  for (const { code, last, runId, err } of await Promise.all(cli)) {
    expect({ code, status: last['status'], output: last['output'], err }).toEqual({ code: 0, status: 'done', output: 55, err: '' })
    runs.push(runId)
  }
  await until(async () => Object.values(await runtime.depth()).every((count) => count === 0))
  for (const run of queued) expect((await runtime.get(run)).status).toBe('done')
  const hits = await outside.counts('hit')
  expect(Object.keys(hits).toSorted()).toEqual(runs.flatMap((run) => Array.from({ length: 10 }, (_, i) => `${run}:1.${i + 1}`)).toSorted())
  expect(Object.values(await outside.counts()).every((times) => times === 1)).toBe(true)
  // The log of each is whole and its own.
  for (const run of [...runs, ...queued]) {
    const entries = await runtime.entries(run)
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => i + 1))
    expect(entries.filter(({ type }) => type === 'run-end').length).toBe(1)
  }
})
