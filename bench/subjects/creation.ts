import { codeAgent, tool, toolAgent, type Agent, type AnyTool } from 'troupe'
import { ToolLoopAgent } from 'ai'
import { z } from 'zod'
import { alternate, scaled, timed } from '../harness/rounds.ts'
import { row, type Row } from '../harness/row.ts'
import { stubModel } from '../harness/stub-model.ts'

const COUNT = 2_000
const INPUT = z.object({ city: z.string(), days: z.number().int().optional() })
const OUTPUT = z.object({ celsius: z.number() })

/** What it costs to make an agent, as servers do for each request. */
export async function measure(): Promise<readonly Row[]> {
  const model = stubModel(() => 'done')
  const tools = makeTools()
  const options = { name: 'helper', description: 'Helps.', model, tools, maxSteps: 10 }
  const { code, native, withTools, ai } = await alternate(
    {
      code: () => many(() => codeAgent(options)),
      native: () => many(() => toolAgent(options)),
      withTools: () => many(() => codeAgent({ ...options, tools: makeTools() })),
      ai: () => many(() => new ToolLoopAgent({ model, instructions: 'Help.' })),
    },
    { rounds: 9, warmUp: 3 },
  )
  const beside = { name: 'new ToolLoopAgent without tools', samples: scaled(ai, 1000) }
  return [
    row({ what: 'codeAgent() with 3 tools', unit: 'µs', samples: scaled(code, 1000), beside, target: { atMost: 50 } }),
    row({ what: 'toolAgent() with 3 tools', unit: 'µs', samples: scaled(native, 1000), target: { atMost: 50 } }),
    row({ what: 'codeAgent() and its 3 tool()s', unit: 'µs', samples: scaled(withTools, 1000) }),
  ].map(({ cpuMs: _, ...rest }) => rest)
}

function makeTools(): readonly AnyTool[] {
  return ['weather', 'forecast', 'history'].map((name) =>
    tool({ name, description: `The ${name} of a city.`, effect: 'read', input: INPUT, output: OUTPUT, run: () => ({ celsius: 20 }) }),
  )
}

let kept: Agent | object | undefined

async function many(make: () => object): ReturnType<typeof timed> {
  return timed(COUNT, () => {
    for (let i = 0; i < COUNT; i++) kept = make()
    if (kept === undefined) throw new Error('nothing was made')
  })
}
