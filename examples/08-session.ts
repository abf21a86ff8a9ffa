import { codeAgent, openRuntime, tool } from 'troupe'
import { memory } from 'troupe/engine/memory'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const readings: string[] = []
const reading = tool({
  name: 'reading',
  description: 'The meter reading of a month, in kWh.',
  effect: 'read',
  input: z.object({ month: z.enum(['March', 'April']) }),
  output: z.number(),
  run: ({ month }) => readings.push(month) && (month === 'March' ? 4210 : 4390),
})
const model = await exampleModel(
  code("const march = await reading({ month: 'March' })\nfinalAnswer(march)"),
  code("const april = await reading({ month: 'April' })\nfinalAnswer(april - march)"), // of the run before: its words and variables are there
)
const agent = codeAgent({ name: 'meterReader', description: 'Reads the meter.', model, tools: [reading] })
const task = 'What was the meter reading in March?'
const options = { session: 'flat-7', tenant: 'acme' } // a session is of one tenant, one agent and one id

if (import.meta.main) {
  await using runtime = await openRuntime({ engine: memory() })
  for (const question of [task, 'And how much was used in the month after?']) {
    const result = await runtime.run(agent, question, options)
    console.log(question, result.status === 'done' ? result.output : result.status)
  }
  console.log(`the meter was read for ${readings.join(' and ')}`)

  const stranger = await runtime.run(agent, task, { session: 'flat-7', tenant: 'other' })
  console.log(`another tenant begins anew: ${stranger.status}, ${readings.length} readings`)
}

export const example: Example = { agent, task, options }
