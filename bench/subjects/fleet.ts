import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { openRuntime } from 'troupe'
import { dbos } from 'troupe/engine/dbos'
import { plainAgent } from '../harness/plain-agent.ts'
import { ROOT } from '../harness/process.ts'
import { alternate, median, type Sample } from '../harness/rounds.ts'
import { notMeasured, row, type Row } from '../harness/row.ts'

const STEPS = 100
const AT_ONCE = 50
const STARTS = 20
const PAUSE_MS = 30
/** What `scripts/services` brings. */
const URL_OF_SERVICES = 'postgres://troupe:troupe@127.0.0.1:5449/postgres'

/** A worker of the fleet engine on a PostgreSQL of the same machine, beside a workflow of DBOS alone in the same database. */
export async function measure(): Promise<readonly Row[]> {
  const admin = process.env['TROUPE_POSTGRES_URL'] ?? URL_OF_SERVICES
  const name = `bench_${process.pid}`
  try {
    await sql(admin, `create database ${name}`)
  } catch (error) {
    return [notMeasured('durable step on PostgreSQL', `no PostgreSQL that TROUPE_POSTGRES_URL or scripts/services names: ${String(error)}`)]
  }
  try {
    return await onDatabase(Object.assign(new URL(admin), { pathname: `/${name}` }).href)
  } finally {
    await sql(admin, `drop database ${name} with (force)`)
  }
}

async function onDatabase(url: string): Promise<readonly Row[]> {
  let times: number[] = []
  const started = new Map<string, () => void>()
  const steps = plainAgent('steps', async (ctx) => {
    for (let i = 0; i < STEPS; i++) {
      const begun = performance.now()
      await ctx.step(String(i), async () => i)
      times.push(performance.now() - begun)
    }
  })
  const starter = plainAgent('starter', async (_, task) => started.get(task)?.())
  await using runtime = await openRuntime({ engine: dbos({ url }), agents: [steps, starter] })
  await runtime.work({ concurrency: AT_ONCE })
  using bare = await bareDbos(url)
  let task = 0

  const samples = await alternate(
    {
      step: async () => {
        times = []
        await runtime.follow(await runtime.enqueue(steps, 'Go.'))
        return { value: median(times) }
      },
      bare: () => bare.round(),
      many: async () => {
        const begun = performance.now()
        const runs = await Promise.all(Array.from({ length: AT_ONCE }, () => runtime.enqueue(steps, 'Go.')))
        await Promise.all(runs.map((run) => runtime.follow(run)))
        return { value: (AT_ONCE * STEPS * 1000) / (performance.now() - begun) }
      },
      start: async () => {
        const waits: number[] = []
        for (let i = 0; i < STARTS; i++) {
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
          const own = `t${task++}`
          const { promise, resolve } = Promise.withResolvers<void>()
          started.set(own, resolve)
          const begun = performance.now()
          await runtime.enqueue(starter, own)
          await promise
          waits.push(performance.now() - begun)
        }
        return { value: median(waits) }
      },
    },
    { rounds: 5, warmUp: 1 },
  )
  return [
    row({
      what: 'durable step on PostgreSQL, run by a worker',
      unit: 'ms',
      samples: samples.step,
      beside: { name: 'DBOS.runStep in a workflow of DBOS alone', samples: samples.bare },
      target: { ratioAtMost: 1 },
    }),
    row({
      what: 'durable steps of 50 runs at once, PostgreSQL',
      unit: 'steps/s',
      samples: samples.many,
      target: { atLeast: 1_000 },
      note: 'from the first enqueue to the last end; more is better, min is the slowest round',
    }),
    row({ what: 'enqueue to start, PostgreSQL', unit: 'ms', samples: samples.start, target: { atMost: 100 } }),
  ]
}

/** DBOS is one to a process, so its own workflow has one: a round for each line that it is sent. */
async function bareDbos(url: string): Promise<Disposable & { round(): Promise<Sample> }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', BARE, url], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const next = async (): Promise<string> => String(((await once(lines, 'line')) as [string])[0])
  if ((await next()) !== 'ready') throw new Error('DBOS alone did not start')
  return {
    async round() {
      const told = next()
      child.stdin.write('\n')
      return { value: Number(await told) }
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}

const BARE = `
import { createInterface } from 'node:readline'
import { DBOS } from '@dbos-inc/dbos-sdk'
const silent = { info() {}, debug() {}, warn() {}, error() {} }
DBOS.setConfig({ name: 'bare', systemDatabaseUrl: process.argv[1], systemDatabaseSchemaName: 'bare', logger: silent })
const workflow = DBOS.registerWorkflow(async () => {
  const times = []
  for (let i = 0; i < ${STEPS}; i++) {
    const begun = performance.now()
    await DBOS.runStep(async () => i, { name: 's' + i })
    times.push(performance.now() - begun)
  }
  return times.toSorted((a, b) => a - b)[${STEPS / 2}]
}, { name: 'steps' })
await DBOS.launch()
console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) console.log(await workflow())
`

async function sql(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
