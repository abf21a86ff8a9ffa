import { codeAgent, tool, type Agent } from 'troupe'
import { resolveModel } from 'troupe/models'
import { z } from 'zod'

// Any model id goes here, such as 'anthropic:claude-sonnet-4-5'. The script plays a model, so that this runs offline.
const model = await resolveModel(process.env['MODEL'] ?? `script:${import.meta.dirname}/01-hello.json`)

const PEOPLE = { France: 68_600_000, Spain: 48_900_000, Portugal: 10_700_000 }
const population = tool({
  name: 'population',
  description: 'How many people live in a country.',
  effect: 'read',
  input: z.object({ country: z.enum(['France', 'Spain', 'Portugal']) }),
  output: z.number(),
  run: ({ country }) => PEOPLE[country], // typed by the schema
})

const agent = codeAgent({
  name: 'geographer',
  description: 'Answers questions about countries.',
  model,
  tools: [population],
  output: z.object({ answer: z.string() }),
})
const task = 'Do more people live in Spain and Portugal together than in France?'

if (import.meta.main) {
  const result = await agent.run(task)
  console.log(result.status === 'done' ? result.output.answer : result.error?.message)
}

export const example: { agent: Agent; task: string } = { agent, task }
