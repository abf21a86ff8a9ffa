import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { codeAgent, tool } from '../../src/index.ts'
import { quickjs } from '../../src/sandbox/quickjs/quickjs.ts'
import { approveAll } from '../../src/testing/crash-runner.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

const RUNS = 1_000
const BATCH = 50
const MEBIBYTE = 2 ** 20
/** An interpreter alone holds 1.3 MB: a thousand that were kept in memory would be far beyond this. */
const MOST_MB = 200

const folder = mkdtempSync(join(tmpdir(), 'troupe-parked-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000)

it(`${RUNS} parked runs with a session each cost disk, not memory, and any of them goes on`, { timeout: 300_000 }, async () => {
  const path = join(folder, 'troupe.db')
  await using sandbox = quickjs({ snapshotAfterMs: 0 })
  const ask = tool({ name: 'ask', description: 'Asks.', needsApproval: true, input: z.object({}), output: z.number(), run: () => 1 })
  const model = scriptedModel([
    { reply: () => '```ts\nconst mine = Array.from({ length: 1_000 }, (_, i) => i)\nfinalAnswer(mine.length + (await ask({})))\n```' },
  ])
  const agent = codeAgent({ name: 'asker', description: 'Asks.', model, tools: [ask], sandbox })
  await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [agent], parkAfterMs: 0 })
  const park = async (count: number): Promise<readonly string[]> => {
    const runs = Array.from({ length: count }, () => runtime.run(agent, 'Ask.'))
    for (const run of runs) expect((await run.untilWaiting()).status).toBe('waiting')
    return runs.map(({ id }) => id)
  }
  const parked = [...(await park(BATCH))]
  const before = process.memoryUsage.rss()
  while (parked.length < RUNS) parked.push(...(await park(BATCH)))
  const grownMb = (process.memoryUsage.rss() - before) / MEBIBYTE
  expect(grownMb, 'growth of the resident set in MB').toBeLessThan(MOST_MB)

  const files = parked.map((run) => statSync(join(`${path}.snapshots`, run, run)).size)
  expect(files.length).toBe(RUNS)
  expect(Math.max(...files)).toBeLessThan(MEBIBYTE)
  const last = parked.at(-1) ?? ''
  const run = runtime.resume(last)
  await approveAll(runtime, last)
  expect(await run).toMatchObject({ status: 'done', output: 1_001 })
  expect(readdirSync(`${path}.snapshots`).length).toBe(RUNS - 1)
})
