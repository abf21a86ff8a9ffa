import { codeAgent, plannerCoderReviewer } from 'troupe'
import { code, repairingModel, type Example } from './model.ts'

const answer = (n: string) => code(`finalAnswer({ output: ${n}, evidence: [{ ref: 'inputs.numbers', quote: '8' }] })`)
const median = {
  id: 'median',
  objective: 'The median of numbers.',
  inputs: ['context.numbers'],
  criteria: ['is the median'],
  produces: ['answer'],
}
const loop = plannerCoderReviewer({
  name: 'loop',
  description: 'Plans, codes and reviews.',
  planner: ({ tasks }) => (tasks.length > 0 ? { done: true } : { tasks: [median] }),
  coder: codeAgent({
    name: 'coder',
    description: 'Writes code.',
    // What the reviewer says stands in the task of the second attempt.
    model: await repairingModel(answer('numbers.length > 0 ? numbers[1] : 0'), answer('numbers.toSorted((a, b) => a - b)[1]')),
  }),
  reviewer: ({ output }) =>
    output === 5 ? { verdict: 'ok' } : { verdict: 'defect', reasons: ['That is the middle of the list, not of the order.'] },
})
const task = 'What is the median?'
const options = { context: { numbers: [5, 8, 3] } }

if (import.meta.main) {
  const result = await loop.run(task, {
    ...options,
    on: {
      'task-rejected': ({ reasons }) => console.log('sent back:', reasons.join()),
      'task-done': ({ owner }) => console.log('done by', owner),
    },
  })
  console.log(result.status, 'output' in result ? result.output : '')
}

export const example: Example = { agent: loop, task, options }
