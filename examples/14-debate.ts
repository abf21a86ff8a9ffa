import { codeAgent, debate } from 'troupe'
import { code, exampleModel, type Example } from './model.ts'

const says = async (name: string, text: string) =>
  codeAgent({ name, description: `Speaks for ${name}.`, model: await exampleModel(code(text)) })

// Each sees in its second round what all have said in the first, as values of their own: `round_1_1`, `round_1_2`.
const panel = debate({
  name: 'panel',
  description: 'Weighs two sides.',
  debaters: [
    await says(
      'hedges',
      "finalAnswer({ output: typeof round_1_2 === 'undefined' ? 'a hedge lasts' : `a hedge lasts longer than ${round_1_2}` })",
    ),
    await says('fences', "finalAnswer({ output: 'a fence is quick' })"),
  ],
  judge: await says('gardener', 'finalAnswer({ output: { verdict: round_2_1, against: round_2_2 } })'),
})
const task = 'A hedge or a fence?'

if (import.meta.main) {
  const result = await panel.run(task, { on: { 'task-done': (event) => console.log(event.task, event.owner) } })
  console.log(result.status === 'done' ? result.output : result.error?.message)
}

export const example: Example = { agent: panel, task }
