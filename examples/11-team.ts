import { codeAgent, team, tool } from 'troupe'
import { z } from 'zod'
import { code, repairingModel, type Example } from './model.ts'

const rainfall = tool({
  name: 'rainfall',
  description: 'Millimetres of rain in a year.',
  effect: 'read',
  input: z.object({ year: z.number().int() }),
  run: ({ year }) => ({ 2022: 612, 2023: 840 })[year] ?? null,
})
const reader = codeAgent({
  name: 'reader',
  description: 'Reads the rain gauge.',
  model: await repairingModel(
    code("finalAnswer({ output: 900, evidence: [{ ref: 'rainfall#1', quote: '900' }] })"), // nothing was read: code sees that
    code("const mm = await rainfall({ year: 2023 })\nfinalAnswer({ output: mm, evidence: [{ ref: 'rainfall#1', quote: '840' }] })"),
  ),
  tools: [rainfall],
})
const desk = team({
  name: 'desk',
  description: 'Answers questions on the weather.',
  agents: [reader],
  architect: () => ({ tasks: [{ id: 'rain', owner: 'reader', objective: 'How much rain fell in 2023?', output: { type: 'number' } }] }),
  synthesizer: ({ outputs }) => `It rained ${Number(outputs['rain'])} mm in 2023.`,
  output: z.string(),
})
const task = 'How much did it rain in 2023?'
if (import.meta.main) {
  const run = desk.run(task)
  for await (const event of run) {
    if (event.type === 'state') console.log(`${event.task ?? 'run'}: ${event.from} → ${event.to}`)
    if (event.type === 'task-rejected') console.log(event.reasons.join())
  }
  const result = await run
  console.log(result.status === 'done' ? result.output : result)
}

export const example: Example = { agent: desk, task }
