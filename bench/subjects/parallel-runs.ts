import { tool, toolAgent } from 'troupe'
import { generateText, isStepCount, tool as aiTool } from 'ai'
import { z } from 'zod'
import { alternate, timed, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { stubModel } from '../harness/stub-model.ts'

const RUNS = 50
const STEPS = 10
const MODEL_MS = 20
const INPUT = z.object({ n: z.number() })

/** 50 runs at once, each of ten questions to a model that takes 20 ms: the ideal is 200 ms. */
export async function measure(): Promise<readonly Row[]> {
  const { ideal, troupe, ai } = await alternate({ ideal: idealRuns, troupe: troupeRuns(), ai: aiRuns() }, { rounds: 5, warmUp: 2 })
  const what = `${RUNS} runs of ${STEPS} steps at once, ${MODEL_MS} ms model`
  return [
    row({ what, unit: 'ms', samples: troupe, beside: { name: 'timers alone, the ideal', samples: ideal }, target: { ratioAtMost: 1.5 } }),
    row({ what, unit: 'ms', samples: troupe, beside: { name: 'generateText', samples: ai } }),
  ]
}

function atOnce(run: () => PromiseLike<unknown>): Promise<Sample> {
  return timed(1, () => Promise.all(Array.from({ length: RUNS }, run)))
}

function idealRuns(): Promise<Sample> {
  return atOnce(async () => {
    for (let i = 0; i < STEPS; i++) await new Promise((resolve) => setTimeout(resolve, MODEL_MS))
  })
}

function troupeRuns(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS - 1 ? { tool: 'probe', input: { n: turn } } : 'done'), { delayMs: MODEL_MS })
  const probe = tool({ name: 'probe', description: 'Gives a number.', effect: 'read', input: INPUT, output: z.number(), run: ({ n }) => n })
  const agent = toolAgent({ name: 'prober', description: 'Probes.', model, tools: [probe] })
  return () =>
    atOnce(async () => {
      const { steps } = await agent.run('Probe.')
      if (steps !== STEPS) throw new Error(`the run had ${steps} steps`)
    })
}

function aiRuns(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS - 1 ? { tool: 'probe', input: { n: turn } } : 'done'), { delayMs: MODEL_MS })
  const probe = aiTool({ description: 'Gives a number.', inputSchema: INPUT, execute: async ({ n }) => n })
  return () => atOnce(() => generateText({ model, tools: { probe }, stopWhen: isStepCount(STEPS), prompt: 'Probe.' }))
}
