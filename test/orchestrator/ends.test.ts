import { describe, expect, it } from 'vitest'
import { memory } from '../../src/engine/memory/memory.ts'
import { codeAgent, openRuntime, team } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code, crashed, eventsOf, plain, statesIn } from './support.ts'

const stopped = (open: Promise<unknown>) =>
  team({
    name: 'desk',
    description: 'Is stopped.',
    agents: [plain('worker', async () => open.then(() => 'late'))],
    evidence: 'optional',
    architect: () => ({ tasks: [{ id: 'a', owner: 'worker', objective: 'Do it.' }] }),
  })

describe('a run of a team', () => {
  it('that a person stops ends as cancelled, with what is at work stopped', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const run = runtime.run(stopped(new Promise(() => {})), 'Go.')
    const states: string[] = []
    const ending = (async () => {
      for await (const event of run) {
        if (event.type === 'task-assigned') await runtime.signal(run.id, 'plan', { stop: 'it is late' })
        if (event.type === 'state' && event.task === undefined) states.push(`${event.from}>${event.to}: ${event.why}`)
      }
    })()
    expect(await run).toMatchObject({
      status: 'cancelled',
      error: { code: 'run/cancelled', message: expect.stringContaining('it is late') },
    })
    await ending
    expect(states.at(-1)).toBe('working>cancelled: stopped by a person: it is late')
  })

  it('that cannot be planned at all fails, and says what to do', async () => {
    const run = team({ name: 'desk', description: 'Has nobody to plan.', agents: [plain('worker', () => 1)] }).run('Go.')
    const events = eventsOf(run)
    await expect(run).rejects.toThrow(/neither a model nor an architect: give it one of them/)
    expect(statesIn(await events.catch(() => [])).every((way) => !way.endsWith('>done'))).toBe(true)
  })

  it('that asks the user from inside a task waits, and goes on with the answer, crashed or not', async () => {
    const asking = () =>
      team({
        name: 'desk',
        description: 'Asks.',
        evidence: 'optional',
        agents: [
          codeAgent({
            name: 'worker',
            description: 'Asks.',
            model: scriptedModel(
              code(
                "const city = await askUser({ task: 'Which city?' })\nconst told = await helper({ task: 'Ready?' })\nfinalAnswer({ output: city + ' ' + told })",
              ),
            ),
          }),
          plain('helper', ({ task }) => (task === 'Ready?' ? 'ready' : 'not asked')),
        ],
        architect: ({ tasks }) =>
          tasks.length > 0 ? { done: true } : { tasks: [{ id: 'a', owner: 'worker', objective: 'Do it.', produces: ['answer'] }] },
      })
    const report = await crashed(asking)
    expect(report.faults).toEqual([])
    expect(report.end).toBe(JSON.stringify({ status: 'done', output: 'Yes. ready' }))
  }, 120_000)
})
