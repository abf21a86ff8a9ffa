import { codeAgent, type RunEvent } from 'troupe'
import { code, exampleModel, type Example } from './model.ts'

const model = await exampleModel(
  `I try the small ones first.\n${code('const squares = [1, 2, 3].map((n) => n * n)\nconsole.log(squares.join())')}`,
  code('finalAnswer(squares.reduce((sum, n) => sum + n))'), // what a step declares is there in the next
)
const agent = codeAgent({ name: 'counter', description: 'Adds up.', model })
const task = 'What is the sum of the first three squares?'

function show(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'run-start':
      return `task: ${event.task}`
    case 'model-end':
      return `model: ${event.text.split('\n')[0]}`
    case 'code':
      return `code: ${event.code.split('\n').length} lines, isolation: ${event.isolation}`
    case 'print':
      return `printed: ${event.text}`
    case 'run-end':
      return `${event.status}: ${JSON.stringify(event.output)} after ${event.steps} steps, ${event.usage.outputTokens} tokens written`
    default:
      return undefined
  }
}

if (import.meta.main) {
  for await (const event of agent.run(task)) {
    const line = show(event)
    if (line !== undefined) console.log(line)
  }
}

export const example: Example = { agent, task }
