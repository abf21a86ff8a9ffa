import { codeAgent, supervisor } from 'troupe'
import { code, exampleModel, type Example } from './model.ts'

const desk = supervisor({
  name: 'helpDesk',
  description: 'Helps customers.',
  members: [
    codeAgent({
      name: 'sales',
      description: 'Sells.',
      model: await exampleModel(code("finalAnswer({ handOver: { to: 'repairs', why: 'Something is broken.', state: { customer: 17 } } })")),
    }),
    codeAgent({
      name: 'repairs',
      description: 'Repairs.',
      model: await exampleModel(code("finalAnswer({ output: 'A technician comes on Monday.' })")),
    }),
  ],
  router: () => ({ type: 'member', member: 'sales', why: 'it begins with a purchase' }), // left out: the team's model picks
})
const task = 'I bought a mill and it does not turn.'

if (import.meta.main) {
  const result = await desk.run(task, { on: { state: (event) => event.task && console.log(`${event.from} → ${event.to}: ${event.why}`) } })
  console.log(result.status === 'done' ? result.output : result.error?.message)
}

export const example: Example = { agent: desk, task }
