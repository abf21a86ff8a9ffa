import { codeAgent, mapReduce } from 'troupe'
import { code, exampleModel, type Example } from './model.ts'

const letters = mapReduce({
  name: 'letters',
  description: 'Reads letters and says what they want.',
  map: codeAgent({
    name: 'letterReader',
    description: 'Reads one letter.',
    model: await exampleModel(code("finalAnswer({ output: given.includes('!') ? 'urgent' : 'calm' })")),
  }),
  reduce: codeAgent({
    name: 'counter',
    description: 'Counts.',
    model: await exampleModel(
      code(
        "const all = [item_1, item_2, item_3]\nfinalAnswer({ output: all.filter((one) => one === 'urgent').length + ' of 3 are urgent' })",
      ),
    ),
  }),
})
const task = 'How many of the letters are urgent?'
const options = { context: { items: ['Where is my parcel!', 'Thank you.', 'The roof leaks!'] } }

if (import.meta.main) {
  const result = await letters.run(task, { ...options, on: { 'task-assigned': (event) => console.log(event.task, 'to', event.owner) } })
  console.log(result.status === 'done' ? result.output : result.error?.message)
}

export const example: Example = { agent: letters, task, options }
