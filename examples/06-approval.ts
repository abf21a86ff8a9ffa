import { codeAgent, openRuntime, tool } from 'troupe'
import { memory } from 'troupe/engine/memory'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const pay = tool({
  name: 'pay',
  description: 'Pays an invoice.',
  effect: 'irreversible', // asks before it runs; `needsApproval: ({ euros }) => euros > 100` asks for some calls only
  input: z.object({ to: z.string(), euros: z.number().positive() }),
  run: ({ to, euros }) => `${euros} EUR paid to ${to}`,
})
const model = await exampleModel(
  code(`for (const bill of bills) {
  try { console.log(await pay(bill)) } catch (error) { console.log(error.name) }
}`),
  code("finalAnswer('One is paid, one was not allowed.')"),
)
const agent = codeAgent({ name: 'bookkeeper', description: 'Pays bills.', model, tools: [pay] })
const task = 'Pay the bills.'
const bills = [
  { to: 'the mill', euros: 80 },
  { to: 'a stranger', euros: 5000 },
]
const options = { context: { bills } }

if (import.meta.main) {
  await using runtime = await openRuntime({ engine: memory() })
  const run = runtime.run(agent, task, options)
  for await (const event of run) {
    if (event.type === 'print') console.log('printed:', event.text)
    if (event.type !== 'approval-wanted') continue
    console.log('asked:', event.tool, JSON.stringify(event.args))
    if (JSON.stringify(event.args).includes('stranger')) await runtime.reject(run.id, event.callId, { reason: 'who is that?' })
    else await runtime.approve(run.id, event.callId)
  }
}

export const example: Example = { agent, task, options }
