import { codeAgent, tool } from 'troupe'
import { generateText, isStepCount, tool as aiTool } from 'ai'
import { experimental_codeModeTool as codeModeTool } from '@ai-sdk/code-mode'
import { quickjs } from 'troupe/sandbox/quickjs'
import { z } from 'zod'
import { openSession, runStep } from '../harness/guest.ts'
import { alternate, timed, type Sample } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { betweenCalls, stubModel } from '../harness/stub-model.ts'

const STEPS = 16
/** Steps of a run that are not counted: they are not warm. */
const SKIP = 4
const INPUT = z.object({ n: z.number() })

/** One step of a code agent whose code calls one tool: from one question to the model to the next, the log in memory. */
export async function measure(): Promise<readonly Row[]> {
  await using sandbox = quickjs()
  await using session = await openSession(sandbox)
  const samples = await alternate(
    {
      troupe: troupeSteps(),
      noTool: troupeSteps('1 + 1'),
      codeMode: codeModeSteps(),
      toolStep: toolSteps(),
      sandbox: () => timed(50, () => repeat(50, () => runStep(session, 'const got = await probe({ n: 1 })\ngot'))),
      empty: () => timed(50, () => repeat(50, () => runStep(session, '1 + 1'))),
    },
    { rounds: 15, warmUp: 4 },
  )
  return [
    row({
      what: 'code step with one tool call, warm',
      unit: 'ms',
      samples: samples.troupe,
      beside: { name: 'generateText + code mode, one nested call', samples: samples.codeMode },
      target: { atMost: 0.5 },
    }),
    row({
      what: 'the same beside a native tool step',
      unit: 'ms',
      samples: samples.troupe,
      beside: { name: 'generateText, one native tool call', samples: samples.toolStep },
    }),
    row({ what: 'code step without a call', unit: 'ms', samples: samples.noTool }),
    row({ what: 'sandbox execute with one call, alone', unit: 'ms', samples: samples.sandbox, target: { atMost: 0.5 } }),
    row({ what: 'sandbox execute without a call, alone', unit: 'ms', samples: samples.empty }),
  ]
}

async function repeat(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await work()
}

function troupeSteps(code = 'const got = await probe({ n: 1 })\ngot'): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS ? `I look.\n\`\`\`ts\n${code}\n\`\`\`` : '```ts\nfinalAnswer({ ok: true })\n```'))
  const probe = tool({ name: 'probe', description: 'Gives a number.', effect: 'read', input: INPUT, output: z.number(), run: ({ n }) => n })
  const agent = codeAgent({ name: 'prober', description: 'Probes.', model, tools: [probe], maxSteps: STEPS + 2 })
  return () =>
    betweenCalls(
      model,
      async () => {
        const result = await agent.run('Probe.')
        if (result.status !== 'done' || result.steps !== STEPS + 1) throw new Error(`the run ended as ${JSON.stringify(result)}`)
      },
      SKIP,
    )
}

function codeModeSteps(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS ? { tool: 'code_mode', input: { js: 'return await tools.probe({ n: 1 })' } } : 'done'))
  const probe = aiTool({ description: 'Gives a number.', inputSchema: INPUT, execute: async ({ n }) => n })
  return () =>
    betweenCalls(
      model,
      async () => {
        const result = await generateText({
          model,
          tools: { code_mode: codeModeTool(), probe },
          experimental_toolCallers: { probe: ['code_mode'] },
          stopWhen: isStepCount(STEPS + 2),
          prompt: 'Probe.',
        })
        const [outcome] = result.steps[0]?.toolResults ?? []
        if (result.text !== 'done' || outcome?.output !== 1) throw new Error(`code mode gave ${JSON.stringify(result.steps[0]?.content)}`)
      },
      SKIP,
    )
}

function toolSteps(): () => Promise<Sample> {
  const model = stubModel((turn) => (turn < STEPS ? { tool: 'probe', input: { n: 1 } } : 'done'))
  const probe = aiTool({ description: 'Gives a number.', inputSchema: INPUT, execute: async ({ n }) => n })
  return () =>
    betweenCalls(model, () => generateText({ model, tools: { probe }, stopWhen: isStepCount(STEPS + 2), prompt: 'Probe.' }), SKIP)
}
