import { codeAgent, tool } from 'troupe'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const search = tool({
  name: 'search',
  description: 'Searches the archive.',
  effect: 'read',
  input: z.object({ words: z.string() }),
  run: ({ words }) => `nothing on ${words}; ask ann@example.org`,
})
const model = await exampleModel(
  code("try { await search({ words: 'salaries' }) } catch (error) { console.log(error.name) }"),
  code("console.log(await search({ words: 'rivers' }))"),
  code("console.log(await search({ words: 'lakes' }))"),
  'The archive has nothing on rivers.', // the last question, without tools: a limit still gives the best answer there is
)
const agent = codeAgent({
  name: 'archivist',
  description: 'Knows the archive.',
  model,
  tools: [search],
  stopWhen: ({ steps }) => (steps.length >= 3 ? 'three steps are enough' : undefined),
  budget: { tokens: 50_000, costUsd: 0.5, timeMs: 60_000 }, // of the run and all below it; reserved before each call
  hooks: {
    beforeTool: ({ args }) =>
      JSON.stringify(args).includes('salaries') ? { decision: 'deny', reason: 'salaries are private', rule: 'privacy' } : undefined,
    afterTool: (_, output) => ({ output: String(output).replace(/\S+@\S+/, '(an address)') }),
  },
})
const task = 'What does the archive have on rivers?'

if (import.meta.main) {
  const result = await agent.run(task, {
    on: { policy: ({ decision, rule }) => console.log(decision, rule), print: ({ text }) => console.log(text) },
  })
  console.log(`${result.status}:`, result.status === 'limit' && result.output)
}

export const example: Example = { agent, task }
