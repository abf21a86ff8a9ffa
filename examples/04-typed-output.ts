import { codeAgent } from 'troupe'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const Invoice = z.object({
  number: z.string().regex(/^R-\d+$/),
  lines: z.array(z.object({ article: z.string(), cents: z.number().int() })).min(1),
})

// The first answer does not fit the schema. It is not accepted: the model is told what is wrong, and answers again.
const model = await exampleModel(
  code("finalAnswer({ number: '17', lines: text.split(';').map((line) => ({ article: line.trim() })) })"),
  code(`const lines = text.split(';').map((line) => line.trim().split(' '))
finalAnswer({ number: 'R-17', lines: lines.map(([article, euros]) => ({ article, cents: Math.round(Number(euros) * 100) })) })`),
)
const agent = codeAgent({ name: 'clerk', description: 'Reads invoices.', model, output: Invoice })
const task = 'Read invoice 17.'
const options = { context: { text: 'pens 4.20; paper 12.5' } } // a global variable in the sandbox

if (import.meta.main) {
  const result = await agent.run(task, options)
  if (result.status !== 'done') throw new Error(`ended as ${result.status}`)
  const { number, lines } = result.output // typed by the schema
  const total = lines.reduce((sum, line) => sum + line.cents, 0)
  console.log(`${number}: ${total / 100} EUR after ${result.steps} steps`)
}

export const example: Example = { agent, task, options }
