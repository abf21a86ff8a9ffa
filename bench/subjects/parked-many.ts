import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { plainAgent } from '../harness/plain-agent.ts'
import { inOwnProcess } from '../harness/process.ts'
import { heapUsed } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'

const RUNS = 10_000

/** Ten thousand queued runs that all wait for an answer: what a worker's process holds, one that has parked them and one that comes new. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(process.env['BENCH_DISK'] ?? tmpdir(), 'troupe-bench-'))
  try {
    const path = join(folder, 'bench.db')
    const empty = await inOwnProcess<Held>(workerOf(join(folder, 'empty.db')))
    const grown = await park(path)
    const full = await inOwnProcess<Held>(workerOf(path))
    const bytes = await sizeOf(folder, 'bench.db')
    const mb = (value: number): number => value / 2 ** 20
    return [
      row({ what: '10,000 parked runs: resident set of a new worker', unit: 'MB', samples: [{ value: mb(full.rss) }] }),
      row({
        what: '10,000 parked runs: beyond a worker of an empty store',
        unit: 'MB',
        samples: [{ value: mb(full.rss - empty.rss) }],
        note: `of it ${mb(full.heap - empty.heap).toFixed(1)} MB heap: the queue keeps who waits and since when, no run`,
      }),
      row({
        what: '10,000 parked runs: heap held by each, in the worker that parked them',
        unit: 'KB',
        samples: [{ value: grown.heap / RUNS / 1024 }],
      }),
      row({
        what: '10,000 parked runs: disk for each, with its log',
        unit: 'KB',
        samples: [{ value: bytes / RUNS / 1024 }],
        note: `${grown.entries} entries of a log, and the place in the queue`,
      }),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Held {
  readonly rss: number
  readonly heap: number
}

/** Gives by how much the heap has grown, and the entries of each run. */
async function park(path: string): Promise<{ readonly heap: number; readonly entries: number }> {
  const agent = plainAgent('waiter', async (ctx) => {
    await ctx.step('work', async () => 'x'.repeat(200))
    await ctx.wait('answer', { topic: 'answer' })
  })
  await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [agent], parkAfterMs: 0 })
  await runtime.work({ concurrency: 64 })
  const before = await heapUsed()
  await Promise.all(Array.from({ length: RUNS }, (_, i) => runtime.enqueue(agent, 'Wait.', { runId: `w${i}` })))
  while ((await runtime.depth()).parked < RUNS) await new Promise((resolve) => setTimeout(resolve, 200))
  return { heap: (await heapUsed()) - before, entries: (await runtime.entries('w0')).length }
}

async function sizeOf(folder: string, name: string): Promise<number> {
  const files = (await readdir(folder)).filter((file) => file.startsWith(name) && !file.endsWith('.locks'))
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size))
  return sizes.reduce((a, b) => a + b, 0)
}

function workerOf(path: string): string {
  return `
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
setFlagsFromString('--expose-gc')
const agent = { name: 'waiter', version: '1', activate: async () => ({ status: 'done' }) }
const runtime = await openRuntime({ engine: sqlite({ path: ${JSON.stringify(path)} }), agents: [agent] })
await runtime.work()
await new Promise((resolve) => setTimeout(resolve, 1000))
for (let i = 0; i < 4; i++) { runInNewContext('gc')(); await new Promise((resolve) => setTimeout(resolve, 20)) }
const { rss, heapUsed: heap } = process.memoryUsage()
process.stdout.write(JSON.stringify({ rss, heap }), () => process.exit())
`
}
