import { codeAgent, tool } from 'troupe'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const stock = new Map([['apples', 12]])
const lookUp = tool({
  name: 'lookUp',
  description: 'How many of an article are in stock.',
  effect: 'read', // may be repeated after a crash; the default is 'write', which is not
  input: z.object({ article: z.string().min(1) }),
  output: z.object({ count: z.number().int() }),
  run: ({ article }) => ({ count: stock.get(article) ?? 0 }),
})
const reserve = tool({
  name: 'reserve',
  description: 'Sets some of an article aside.',
  effect: 'idempotent',
  input: z.object({ article: z.string(), count: z.number().int().positive() }),
  run: ({ article, count }, { idempotencyKey }) => `${count} ${article} reserved as ${idempotencyKey.split(':').at(-1)}`,
})

// The first answer gives a text where the tool wants a number. The tool does not run; the model sees why and corrects itself.
const model = await exampleModel(
  code("const { count } = await lookUp({ article: 'apples' })\nawait reserve({ article: 'apples', count: `${count}` })"),
  code("finalAnswer(await reserve({ article: 'apples', count }))"),
)
const agent = codeAgent({ name: 'storekeeper', description: 'Keeps the store.', model, tools: [lookUp, reserve] })
const task = 'Reserve all the apples that there are.'

if (import.meta.main) {
  const run = agent.run(task)
  for await (const event of run) if (event.type === 'step-end' && event.error !== undefined) console.log('corrected:', event.error)
  const result = await run
  console.log(result.status === 'done' ? result.output : result.error?.message)
}

export const example: Example = { agent, task }
