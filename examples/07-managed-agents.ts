import { codeAgent } from 'troupe'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const counter = codeAgent({
  name: 'wordCounter',
  description: 'Counts the words of a text.',
  model: await exampleModel(code('finalAnswer({ words: text.split(/\\s+/).length })')),
  output: z.object({ words: z.number().int() }),
})

// A managed agent is a function in the code of the one that leads. Each call is a run of its own, with a log and a sandbox of its own.
const editor = codeAgent({
  name: 'editor',
  description: 'Leads the desk.',
  model: await exampleModel(
    code(`const counts = await Promise.all(drafts.map((text) => wordCounter({ task: 'How many words?', context: { text } })))
finalAnswer(drafts[counts.findIndex(({ words }) => words === Math.min(...counts.map((count) => count.words)))])`),
  ),
  agents: [counter],
  output: z.string(),
})
const task = 'Which draft has the fewest words?'
const options = { context: { drafts: ['Rain is expected in the north.', 'Rain in the north.', 'It will rain.'] } }

if (import.meta.main) {
  const run = editor.run(task, options)
  for await (const event of run) {
    if (event.type === 'agent-start') console.log(`${event.agent} starts`)
    if (event.type === 'agent-end') console.log(`${event.agent} ends: ${event.status}`)
  }
  const result = await run
  console.log(result.status === 'done' ? result.output : result.error?.message)
}

export const example: Example = { agent: editor, task, options }
