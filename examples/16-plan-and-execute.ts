import { codeAgent, planAndExecute, tool } from 'troupe'
import { z } from 'zod'
import { code, exampleModel, type Example } from './model.ts'

const open = tool({
  name: 'openArchive',
  description: 'Reads an archive.',
  effect: 'read',
  input: z.object({ name: z.string() }),
  run: ({ name }) => (name === 'new' ? { founded: 1872 } : Promise.reject(new Error(`the archive '${name}' is closed`))),
})
const answer = (name: string) =>
  code(
    `const { founded } = await openArchive({ name: '${name}' })\nfinalAnswer({ output: founded, evidence: [{ ref: 'openArchive#1', quote: '1872' }] })`,
  )
const executor = async (name: string, archive: string) =>
  codeAgent({ name, description: `Knows the ${archive} archive.`, model: await exampleModel(answer(archive)), tools: [open], maxSteps: 1 })

const desk = planAndExecute({
  name: 'desk',
  description: 'Finds things out.',
  // A real planner is a model or an agent; it sees what has failed, and why, and must not repeat it.
  planner: ({ tasks }) =>
    tasks.length === 0
      ? { tasks: [{ id: 'old', owner: 'oldHand', objective: 'When was the mill founded?', produces: ['answer'] }] }
      : { add: [{ id: 'new', owner: 'newHand', objective: 'When was the mill founded? Use the new archive.', produces: ['answer'] }] },
  executors: [await executor('oldHand', 'old'), await executor('newHand', 'new')],
  maxAttempts: 1,
})
const task = 'When was the mill founded?'

if (import.meta.main) {
  const result = await desk.run(task, { on: { plan: (event) => console.log(event.plan) } })
  console.log(result.status === 'done' ? result.output : result.error?.message)
}

export const example: Example = { agent: desk, task }
