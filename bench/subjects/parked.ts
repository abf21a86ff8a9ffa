import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRuntime, tool, toolAgent, type Run } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { z } from 'zod'
import { cpuSince, heapUsed } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { stubModel } from '../harness/stub-model.ts'

const RUNS = 1_000
const BATCH = 50
const IDLE_MS = 2_000

/** Runs that wait for an approval, parked on a SQLite log: what each still holds in this process, and costs while it waits. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'))
  try {
    const model = stubModel(() => ({ tool: 'deploy', input: { text: 'x'.repeat(2_000) } }))
    const deploy = tool({
      name: 'deploy',
      description: 'Deploys.',
      needsApproval: true,
      input: z.object({ text: z.string() }),
      run: () => 'deployed',
    })
    const agent = toolAgent({ name: 'deployer', description: 'Deploys.', model, tools: [deploy] })
    await using runtime = await openRuntime({ engine: sqlite({ path: join(folder, 'bench.db') }), parkAfterMs: 1 })

    const park = async (count: number): Promise<readonly Run[]> => {
      const runs = Array.from({ length: count }, () => runtime.run(agent, 'Deploy.'))
      for (const result of await Promise.all(runs.map((run) => run.untilWaiting())))
        if (result.status !== 'waiting') throw new Error(`a run is ${result.status}`)
      return runs
    }
    const held: Run[] = [...(await park(BATCH))]
    const before = await heapUsed()
    while (held.length < RUNS + BATCH) held.push(...(await park(BATCH)))
    const after = await heapUsed()

    const cpu = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    const idle = cpuSince(cpu)
    return [
      row({
        what: 'heap held by a parked run, of 1,000',
        unit: 'KB',
        samples: [{ value: (after - before) / RUNS / 1024 }],
        note: 'with its handle and its driver; the target is "nothing beyond its handle", a figure of which is not set',
      }),
      row({
        what: 'CPU while 1,050 runs are parked',
        unit: '% of a core',
        samples: [{ value: (idle / IDLE_MS) * 100 }],
        note: 'a shared store is looked through for answers of other processes',
      }),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
