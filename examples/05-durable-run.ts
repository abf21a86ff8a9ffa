import { codeAgent, openRuntime, tool } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const measured: string[] = []
const measure = tool({
  name: 'measure',
  description: 'Measures the water level at a place, in centimetres.',
  effect: 'read',
  input: z.object({ place: z.string() }),
  output: z.number(),
  run: ({ place }) => measured.push(place) && place.length * 10,
})
const model = await exampleModel(
  code("const upper = await measure({ place: 'bridge' })"),
  code("const lower = await measure({ place: 'mill' })"),
  code('finalAnswer({ upper, lower, fall: upper - lower })'),
)
const agent = codeAgent({ name: 'warden', description: 'Watches the river.', model, tools: [measure] })
const task = 'How far does the water fall from the bridge to the mill?'

if (import.meta.main) {
  const engine = sqlite({ path: process.env['STORE'] ?? '.troupe/examples.db' })
  const before = await openRuntime({ engine, agents: [agent] })
  const begun = before.run(agent, task)
  for await (const event of begun) if (event.type === 'step-end') break
  await before[Symbol.asyncDispose]() // the process stops after the first step; kill -9 would do no more harm
  console.log(`stopped; measured so far: ${measured.join(', ')}`)

  await using after = await openRuntime({ engine, agents: [agent] })
  const result = await after.resume(begun.id) // variables are rebuilt from the log; nothing is asked or measured again
  console.log(`${result.status}:`, result.status === 'done' && result.output)
  console.log(`measured in all: ${measured.join(', ')}`)
}

export const example: Example = { agent, task }
