import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { plainAgent } from '../harness/plain-agent.ts'
import { RawDisk } from '../harness/raw-disk.ts'
import { alternate, median, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'

const STEPS = 100
const AT_ONCE = 50

/** One durable step, `ctx.step`, beside the one write to the disk that it cannot do without. Each sample is the median of a round. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(process.env['BENCH_DISK'] ?? tmpdir(), 'troupe-bench-'))
  try {
    using disk = new RawDisk(folder)
    await using runtime = await openRuntime({ engine: sqlite({ path: join(folder, 'bench.db') }) })
    let times: number[] = []
    const one = plainAgent('steps', async (ctx) => {
      for (let i = 0; i < STEPS; i++) {
        const begun = performance.now()
        await ctx.step(String(i), async () => i)
        times.push(performance.now() - begun)
      }
    })
    const samples = await alternate(
      {
        step: async () => {
          times = []
          await runtime.run(one, 'Go.')
          return { value: median(times) }
        },
        many: async () => {
          const begun = performance.now()
          await Promise.all(Array.from({ length: AT_ONCE }, () => runtime.run(one, 'Go.')))
          return { value: (AT_ONCE * STEPS * 1000) / (performance.now() - begun) }
        },
        fsync: async () => {
          const writes = Array.from({ length: STEPS }, () => {
            const begun = performance.now()
            disk.write()
            return performance.now() - begun
          })
          return { value: median(writes) }
        },
      },
      { rounds: 9, warmUp: 2 },
    )
    const fsync = { name: 'write in place and fsync of 4 KB', samples: samples.fsync }
    const beyond: readonly Sample[] = samples.step.map(({ value }, i) => ({ value: value - (samples.fsync[i]?.value ?? NaN) }))
    return [
      row({ what: 'durable step on SQLite', unit: 'ms', samples: samples.step, beside: fsync }),
      row({ what: 'durable step on SQLite, beyond the fsync of its round', unit: 'ms', samples: beyond, target: { atMost: 0.6 } }),
      row({
        what: 'durable steps of 50 runs at once, SQLite',
        unit: 'steps/s',
        samples: samples.many,
        note: 'more is better, min is the slowest round',
      }),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
