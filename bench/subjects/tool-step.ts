import { toolAgent, tool, type Agent, type ToolAgentOptions } from 'troupe'
import { generateText, isStepCount, streamText, tool as aiTool } from 'ai'
import { z } from 'zod'
import { alternate, scaled, timed, type Sample } from '../harness/rounds.ts'
import { notMeasured, row, type Row } from '../harness/row.ts'
import { stubModel } from '../harness/stub-model.ts'
import { peerRun, peers } from '../peers/peers.ts'

const STEPS = 10
const RUNS = 10
const INPUT = z.object({ n: z.number() })

/** Runs of ten tool steps and an answer, with a model that takes no time: what the framework itself costs a step. */
export async function measure(): Promise<readonly Row[]> {
  const loaded = await Promise.all(peers.map(async (peer) => ({ peer, run: await peerRun(peer, STEPS) })))
  const present = loaded.flatMap(({ peer, run }) => (run ? [[peer, () => batch(run)] as const] : []))
  const samples = await alternate<string>(
    {
      full: troupeRuns(true),
      plain: troupeRuns(false),
      ai: aiRuns(),
      aiStream: aiStreamRuns(),
      ...Object.fromEntries(present),
    },
    { rounds: 11, warmUp: 3 },
  )
  const micros = (name: string): readonly Sample[] => scaled(samples[name] ?? [], 1000)
  const full = micros('full')
  return [
    row({
      what: 'tool step with events, budget and hooks',
      unit: 'µs',
      samples: full,
      beside: { name: 'generateText', samples: micros('ai') },
      target: { ratioAtMost: 1.5 },
    }),
    row({ what: 'tool step, bare', unit: 'µs', samples: micros('plain'), beside: { name: 'generateText', samples: micros('ai') } }),
    row({
      what: 'tool step with events, budget and hooks',
      unit: 'µs',
      samples: full,
      beside: { name: 'streamText', samples: micros('aiStream') },
    }),
    ...peers.map((peer) =>
      samples[peer]
        ? row({ what: 'tool step with events, budget and hooks', unit: 'µs', samples: full, beside: { name: peer, samples: micros(peer) } })
        : notMeasured(`tool step beside ${peer}`, 'not installed (BENCH_PEERS names its folder)'),
    ),
  ]
}

function batch(run: () => Promise<unknown>): Promise<Sample> {
  return timed(RUNS * STEPS, async () => {
    for (let i = 0; i < RUNS; i++) await run()
  })
}

function troupeRuns(isFull: boolean): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS ? { tool: 'probe', input: { n: turn } } : 'done'))
  const probe = tool({ name: 'probe', description: 'Gives a number.', effect: 'read', input: INPUT, output: z.number(), run: ({ n }) => n })
  const options: ToolAgentOptions<undefined> = { name: 'prober', description: 'Probes.', model, tools: [probe] }
  let seen = 0
  const hooks = {
    beforeModel: () => void seen++,
    afterModel: () => void seen++,
    beforeTool: () => void seen++,
    afterTool: () => void seen++,
  }
  const count = (): void => void seen++
  const agent: Agent = toolAgent(isFull ? { ...options, hooks, budget: { tokens: 10_000_000, toolCalls: 1_000 } } : options)
  return () =>
    batch(async () => {
      const result = await agent.run(
        'Probe.',
        isFull ? { on: { 'model-end': count, 'tool-start': count, 'tool-end': count, 'step-end': count } } : {},
      )
      if (result.status !== 'done' || result.steps !== STEPS + 1) throw new Error(`the run ended as ${JSON.stringify(result)}`)
    })
}

const AI_PROBE = aiTool({ description: 'Gives a number.', inputSchema: INPUT, execute: async ({ n }) => n })

function aiRuns(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS ? { tool: 'probe', input: { n: turn } } : 'done'))
  return () =>
    batch(async () => {
      const { steps } = await generateText({ model, tools: { probe: AI_PROBE }, stopWhen: isStepCount(STEPS + 1), prompt: 'Probe.' })
      if (steps.length !== STEPS + 1) throw new Error(`generateText made ${steps.length} steps`)
    })
}

function aiStreamRuns(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS ? { tool: 'probe', input: { n: turn } } : 'done'))
  return () =>
    batch(async () => {
      const result = streamText({ model, tools: { probe: AI_PROBE }, stopWhen: isStepCount(STEPS + 1), prompt: 'Probe.' })
      await result.consumeStream()
      if ((await result.steps).length !== STEPS + 1) throw new Error('streamText made other steps')
    })
}
