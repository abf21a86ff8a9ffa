import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRuntime, queued, type Agent, type RunEvent } from 'troupe'
import { receiveResults, remoteAgents, serveAgents } from 'troupe/engine/amqp'
import { memory } from 'troupe/engine/memory'
import { sqlite } from 'troupe/engine/sqlite'
import { resolveModel } from 'troupe/models'
import type { Answer } from '../../examples/stock-desk/answer.ts'
import { readPrices } from '../../examples/stock-desk/prices.ts'
import { PRICES_FILE, SCRIPT_FILES } from '../../examples/stock-desk/settings.ts'
import { QUESTION, stockDesk } from '../../examples/stock-desk/stock-desk.ts'
import { closing, noBroker, ownBroker, until } from '../faults/amqp-broker.ts'
import { itNeeds } from '../services.ts'
import { transitionsIn } from './desk-order.ts'
import { ROOT } from './run-program.ts'

const itWithBroker = itNeeds(noBroker)

/** The coverage and the figures are each done twice, the report once. */
const MEMBERS_DONE = ['coder done', 'coder done', 'coder done', 'coder done', 'reporter done']

interface Told {
  readonly type: string
  readonly agent?: string
  readonly status?: string
}

interface Outcome {
  readonly status: string
  readonly output: Answer | null
  readonly report: string
  readonly chart: string
  readonly transitions: readonly string[]
}

type Desk = Agent<Answer, 'desk'>

const model = await resolveModel(`script:${SCRIPT_FILES.typescript}`)
const prices = await readPrices(PRICES_FILE)

/** A desk whose files go to a folder of the test, with its members where `place` puts them. */
function deskAt(outDir: string, place?: (member: Agent) => Agent): Desk {
  return stockDesk({ prices, outDir, ...(place && { place }) }).withDefaults({ model })
}

async function ownOutDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-desk-places-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'out')
}

/** Runs a desk on a runtime and gives all that may be compared: the answer, what was written, the way its machines went. */
async function outcomeOf(
  desk: Desk,
  runtime: Awaited<ReturnType<typeof openRuntime>>,
): Promise<Outcome & { readonly events: readonly RunEvent[] }> {
  const run = runtime.run(desk, QUESTION)
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  const result = await run
  const output = result.status === 'done' ? result.output : null
  const text = (path: string | undefined): Promise<string> => (path === undefined ? Promise.resolve('') : readFile(path, 'utf8'))
  const [report, chart] = await Promise.all([text(output?.report), text(output?.chart)])
  return { status: result.status, output, report, chart, transitions: transitionsIn(await runtime.entries(run.id)), events }
}

function comparable({ events: _, ...outcome }: Outcome & { readonly events: readonly RunEvent[] }): Outcome {
  return outcome
}

/** `troupe worker` on the store, in a process of its own; gives what it has told, when asked. */
async function workerOf(store: string, outDir: string): Promise<() => readonly Told[]> {
  const config = join(import.meta.dirname, 'queued-desk.config.ts')
  const child = spawn(process.execPath, [join(ROOT, 'bin/troupe.mjs'), 'worker', '--json', '--config', config], {
    env: { ...process.env, STOCK_DESK_OUT: outDir, STOCK_DESK_STORE: store },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'close')
  })
  let told = ''
  child.stdout.on('data', (data: Buffer) => (told += data.toString()))
  while (!told.includes('worker-start')) await once(child.stdout, 'data')
  return () =>
    told
      .slice(0, told.lastIndexOf('\n'))
      .split('\n')
      .map((line) => JSON.parse(line) as Told)
}

async function localOutcome(outDir: string): Promise<Outcome> {
  const local = deskAt(outDir)
  const outcome = await outcomeOf(local, closing(await openRuntime({ engine: memory(), agents: [local] })))
  expect(outcome.status).toBe('done')
  await rm(outDir, { recursive: true })
  return comparable(outcome)
}

describe('the stock desk gives the same answer, report and chart wherever its members run', { timeout: 120_000 }, () => {
  it('on another worker of its store', async () => {
    const outDir = await ownOutDir()
    const wanted = await localOutcome(outDir)
    const file = join(outDir, '..', 'desk.db')
    const desk = deskAt(outDir, queued)
    const told = await workerOf(file, outDir)
    const runtime = closing(await openRuntime({ engine: sqlite({ path: file }), agents: [desk], parkAfterMs: 20 }))
    const outcome = await outcomeOf(desk, runtime)
    expect(comparable(outcome)).toEqual(wanted)
    const left = (): readonly string[] => told().flatMap(({ type, agent, status }) => (type === 'run-left' ? [`${agent} ${status}`] : []))
    await until(() => left().length >= MEMBERS_DONE.length) // It tells of a run after its caller has heard.
    expect(left()).toEqual(MEMBERS_DONE)
  })

  itWithBroker(
    'beyond RabbitMQ, on a store of their own',
    async () => {
      const outDir = await ownOutDir()
      const wanted = await localOutcome(outDir)
      const broker = await ownBroker()
      const far = deskAt(outDir)
      const elsewhere = closing(await openRuntime({ engine: memory(), agents: far.agents }))
      closing(await serveAgents({ url: broker, runtime: elsewhere, agents: far.agents, onTrouble: () => {} }))
      const remote = closing(remoteAgents({ url: broker, store: 'desk', onTrouble: () => {} }))
      const desk = deskAt(outDir, ({ name, description }) => remote.agent({ name, description }))
      const runtime = closing(await openRuntime({ engine: memory(), agents: [desk], parkAfterMs: 20 }))
      closing(await receiveResults({ url: broker, store: 'desk', runtime, onTrouble: () => {} }))
      const outcome = await outcomeOf(desk, runtime)
      expect(comparable(outcome)).toEqual(wanted)
      const runs = await elsewhere.list()
      expect(runs.map(({ agent, status }) => `${agent} ${status}`).toSorted()).toEqual([
        ...Array<string>(4).fill('coder done'),
        'reporter done',
      ])
      expect(outcome.events.some(({ type, agent }) => type === 'code' && (agent === 'coder' || agent === 'reporter'))).toBe(false)
    },
    120_000,
  )
})
