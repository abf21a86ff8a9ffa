import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeAgent, openRuntime, tool, toolAgent, type Agent, type EngineAdapter } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { z } from 'zod'
import { RawDisk } from '../harness/raw-disk.ts'
import { alternate, timed } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { betweenCalls, stubModel, type StubModel } from '../harness/stub-model.ts'

const STEPS = 10
const WRITES = 30
const REPLAYED = 200
const INPUT = z.object({ n: z.number() })

/** A step that is on disk, beside what one write that is on disk costs here; and how fast a log is gone through again. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(process.env['BENCH_DISK'] ?? tmpdir(), 'troupe-bench-'))
  const engine = sqlite({ path: join(folder, 'bench.db') })
  try {
    using disk = new RawDisk(folder)
    await using store = await engine.open()
    await using runtime = await openRuntime({ engine })
    const model = probingModel(STEPS)
    const agent = prober(model, STEPS)
    const code = codingModel(STEPS)
    const coder = codingAgent(code, STEPS)
    const inMemory = probingModel(STEPS)
    const volatile = prober(inMemory, STEPS)
    await store.create('bench', {
      key: 'start',
      at: NOW,
      type: 'run-start',
      body: { version: 1, agent: 'a', agentVersion: '0', input: { task: 't' }, rootRunId: 'bench' },
    })
    const epoch = await store.claim('bench')
    let appended = 0

    const samples = await alternate(
      {
        step: () => betweenCalls(model, () => runtime.run(agent, 'Probe.'), 2),
        codeStep: () => betweenCalls(code, () => runtime.run(coder, 'Probe.'), 2),
        memoryStep: () => betweenCalls(inMemory, () => volatile.run('Probe.'), 2),
        append: () =>
          timed(WRITES, async () => {
            for (let i = 0; i < WRITES; i++)
              await store.append('bench', [{ key: `${++appended}`, at: NOW, type: 'step-start', body: { step: appended } }], epoch)
          }),
        fsync: () =>
          timed(WRITES, () => {
            for (let i = 0; i < WRITES; i++) disk.write()
          }),
      },
      { rounds: 9, warmUp: 2 },
    )
    const fsync = { name: 'write in place and fsync of 4 KB', samples: samples.fsync }
    return [
      row({
        what: 'durable tool step',
        unit: 'ms',
        samples: samples.step,
        beside: fsync,
        note: 'a step of one tool call is 5 appends in sequence: step-start, model-end, tool-start, tool-end, step-end',
      }),
      row({ what: 'the same, log in memory', unit: 'ms', samples: samples.memoryStep }),
      row({ what: 'durable code step with one tool call', unit: 'ms', samples: samples.codeStep, beside: fsync }),
      row({ what: 'append of one entry to the store', unit: 'ms', samples: samples.append, beside: fsync }),
      ...(await replays(folder)),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const NOW = new Date().toISOString()
/** Runs of 200 steps, stopped and resumed: from `resume` to the first question that is not in the log. */
async function replays(folder: string): Promise<readonly Row[]> {
  const engine = sqlite({ path: join(folder, 'replay.db') })
  const tools = await replay(engine, (gate) => prober(probingModel(REPLAYED + 1, gate), REPLAYED + 1))
  const codes = await replay(engine, (gate) => codingAgent(codingModel(REPLAYED + 1, gate), REPLAYED + 1))
  return [
    row({
      what: `replay of ${REPLAYED} tool steps from SQLite`,
      unit: 'entries/s',
      samples: tools.map(({ entries, ms }) => ({ value: (entries / ms) * 1000 })),
      target: { atLeast: 20_000 },
      note: `${tools[0]?.entries} entries in ${tools[0]?.ms.toFixed(0)} ms; more is better, min is the slowest`,
    }),
    row({
      what: `replay of ${REPLAYED} code steps from SQLite`,
      unit: 'entries/s',
      samples: codes.map(({ entries, ms }) => ({ value: (entries / ms) * 1000 })),
      note: `${codes[0]?.entries} entries in ${codes[0]?.ms.toFixed(0)} ms, the code run again in the sandbox; more is better, min is the slowest`,
    }),
  ]
}

type Gate = (turn: number) => Promise<void> | void

async function replay(engine: EngineAdapter, agentOf: (gate: Gate) => Agent): Promise<readonly { entries: number; ms: number }[]> {
  const results: { entries: number; ms: number }[] = []
  const stopped = Promise.withResolvers<void>()
  const first = await openRuntime({ engine })
  const run = first.run(
    agentOf(async (turn) => {
      if (turn < REPLAYED) return
      stopped.resolve()
      await new Promise(() => {})
    }),
    'Probe.',
  )
  await stopped.promise
  await first[Symbol.asyncDispose]()

  for (let round = 0; round < 3; round++) {
    const live = Promise.withResolvers<number>()
    const agent = agentOf(async () => {
      live.resolve(performance.now())
      await new Promise(() => {})
    })
    const runtime = await openRuntime({ engine, agents: [agent] })
    const entries = (await runtime.entries(run.id)).length
    const begun = performance.now()
    const resumed = runtime.resume(run.id)
    resumed.then(undefined, () => {})
    results.push({ entries, ms: (await live.promise) - begun })
    await runtime[Symbol.asyncDispose]()
  }
  return results
}

function probingModel(steps: number, onCall?: Gate): StubModel {
  return stubModel((turn) => (turn < steps ? { tool: 'probe', input: { n: turn } } : 'done'), onCall ? { onCall } : {})
}

function codingModel(steps: number, onCall?: Gate): StubModel {
  return stubModel(
    (turn) => (turn < steps ? '```ts\nconst got = await probe({ n: 1 })\ngot\n```' : '```ts\nfinalAnswer(1)\n```'),
    onCall ? { onCall } : {},
  )
}

const PROBE = tool({ name: 'probe', description: 'Gives a number.', effect: 'read', input: INPUT, output: z.number(), run: ({ n }) => n })

function prober(model: StubModel, steps: number): Agent {
  return toolAgent({ name: 'prober', description: 'Probes.', model, tools: [PROBE], maxSteps: steps + 2 })
}

function codingAgent(model: StubModel, steps: number): Agent {
  return codeAgent({ name: 'coder', description: 'Codes.', model, tools: [PROBE], maxSteps: steps + 2 })
}
