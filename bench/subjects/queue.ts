import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { plainAgent } from '../harness/plain-agent.ts'
import { ROOT } from '../harness/process.ts'
import { median, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'

const RUNS = 30
const ROUNDS = 7
const PAUSE_MS = 15

/** From the call of `enqueue` to the first line of the agent, with a worker that has nothing else to do. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(process.env['BENCH_DISK'] ?? tmpdir(), 'troupe-bench-'))
  try {
    return [
      row({
        what: 'enqueue to start, SQLite, worker in the same process',
        unit: 'ms',
        samples: await inOneProcess(join(folder, 'one.db')),
        target: { atMost: 10 },
      }),
      row({
        what: 'enqueue to start, SQLite, worker in another process',
        unit: 'ms',
        samples: await acrossProcesses(join(folder, 'two.db')),
        target: { atMost: 10 },
        note: 'the worker is told by the system that the file was written to, and looks 2 and 12 ms later',
      }),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function inOneProcess(path: string): Promise<readonly Sample[]> {
  const starts = new Starts()
  const agent = plainAgent('starter', async (_, task) => starts.tell(task, process.hrtime.bigint()))
  await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [agent] })
  await runtime.work()
  return await rounds(starts, async (task) => void (await runtime.enqueue(agent, task)))
}

async function acrossProcesses(path: string): Promise<readonly Sample[]> {
  const worker = spawn(process.execPath, ['--input-type=module', '--eval', WORKER, path], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const starts = new Starts()
    const told = Promise.withResolvers<void>()
    createInterface({ input: worker.stdout }).on('line', (line) => {
      const [task = '', time = ''] = line.split(' ')
      if (task === 'works') told.resolve()
      else starts.tell(task, BigInt(time))
    })
    await told.promise
    const agent = plainAgent('starter', async () => {})
    await using runtime = await openRuntime({ engine: sqlite({ path }) })
    return await rounds(starts, async (task) => void (await runtime.enqueue(agent, task)))
  } finally {
    worker.kill('SIGKILL')
    await once(worker, 'close')
  }
}

/** The system's monotonic clock is the same for all processes. */
const WORKER = `
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
const agent = { name: 'starter', version: '1', activate: async ({ task }) => { console.log(task, String(process.hrtime.bigint())); return { status: 'done' } } }
const runtime = await openRuntime({ engine: sqlite({ path: process.argv[1] }), agents: [agent] })
await runtime.work()
console.log('works')
`

/** When runs have started, for one who waits for each; nobody looks again and again, which would take time from the worker. */
class Starts {
  readonly #times = new Map<string, PromiseWithResolvers<bigint>>()

  tell(task: string, time: bigint): void {
    this.#of(task).resolve(time)
  }

  of(task: string): Promise<bigint> {
    return this.#of(task).promise
  }

  #of(task: string): PromiseWithResolvers<bigint> {
    const known = this.#times.get(task) ?? Promise.withResolvers<bigint>()
    this.#times.set(task, known)
    return known
  }
}

/** Medians of rounds of single runs with pauses between them, without the first round. */
async function rounds(starts: Starts, enqueue: (task: string) => Promise<void>): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const times: number[] = []
    for (let i = 0; i < RUNS; i++) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      const task = `r${round}_${i}`
      const begun = process.hrtime.bigint()
      await enqueue(task)
      times.push(Number((await starts.of(task)) - begun) / 1e6)
    }
    if (round > 0) samples.push({ value: median(times) })
  }
  return samples
}
