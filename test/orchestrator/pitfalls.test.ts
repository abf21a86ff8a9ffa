import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { team, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { compared, told } from './compare.ts'
import { crashed, plain, proved } from './support.ts'

// The pitfalls of the design's table: each answer is shown at work, and the failure without it.

const GIVEN = { given: 'Sales: 1,234.50 in 2004' }

function one(more: object = {}) {
  return ({ tasks }: { readonly tasks: readonly unknown[] }) =>
    tasks.length === 0
      ? { tasks: [{ id: 'a', owner: 'worker' as const, objective: 'Do it.', ...GIVEN, ...more }] }
      : ({ done: true } as const)
}

describe('hallucination', () => {
  it.each([
    ['a number that stands there in another form', '1234.5', 'done'],
    ['a number with two digits swapped', '1243.50', 'limit'],
    ['a part of a number', '234', 'limit'],
    ['words that stand there', 'sales: 1,234.50 in', 'done'],
    ['words that do not', 'sales grew', 'limit'],
  ])('%s is held against what was recorded', async (_, quote, status) => {
    const { on, off } = await compared('evidenceStands', (make) =>
      make({
        name: 'desk',
        description: 'Quotes.',
        agents: [plain('worker', () => proved('a claim', 'inputs.given', quote))],
        architect: one(),
      }),
    )
    expect(on.status).toBe(status)
    expect(off.status).toBe('done')
  })

  it('arguments that no schema knows reach no tool', async () => {
    const got: unknown[] = []
    const prices = (input: z.ZodObject) =>
      tool({
        name: 'prices',
        description: 'Prices of a year.',
        effect: 'read',
        input,
        run: (given) => {
          got.push(given)
          return 1
        },
      })
    const asking = (input: z.ZodObject) =>
      told(
        toolAgent({
          name: 'worker',
          description: 'Looks up.',
          model: scriptedModel([{ toolCalls: [{ name: 'prices', arguments: { year: 'the good one' } }] }, 'done']),
          tools: [prices(input)],
        }),
      )
    expect(await asking(z.object({ year: z.int() }))).toMatchObject({ status: 'done', output: 'done' })
    expect(got).toEqual([])
    await asking(z.looseObject({}))
    expect(got).toEqual([{ year: 'the good one' }])
  })
})

describe('endless loops', () => {
  it('a plan in circles is refused; without that nothing of it ever starts, and the answer is empty', async () => {
    const { on, off } = await compared('acyclic', (make) =>
      make({
        name: 'desk',
        description: 'Goes in circles.',
        agents: [plain('worker', () => proved('done', 'inputs.given', '2004'))],
        architect: ({ tasks }) => {
          const task = { owner: 'worker' as const, objective: 'Do it.', ...GIVEN }
          return tasks.length === 0
            ? {
                tasks: [
                  { ...task, id: 'a', inputs: ['b'] },
                  { ...task, id: 'b', inputs: ['a'] },
                ],
              }
            : { done: true }
        },
      }),
    )
    expect(on.refusedPlans[0]).toMatch(/the plan has a cycle: none of a, b can ever start/)
    expect(on.status).toBe('limit')
    expect(off).toMatchObject({ refusedPlans: [], assigned: [], output: {} })
  })

  it('an owner that is never right ends at the cap of attempts', async () => {
    const desk = (maxAttempts: number) =>
      team({
        name: 'desk',
        description: 'Tries.',
        agents: [plain('worker', ({ task }) => proved(`try ${task.length}`, 'inputs.given', '2004'))],
        reviewer: ({ output }) => ({ verdict: 'defect', reasons: [`${JSON.stringify(output)} is not it.`] }),
        architect: one({ criteria: ['is it'] }),
        maxAttempts,
      })
    expect((await told(desk(3))).assigned).toHaveLength(3)
    expect((await told(desk(9))).assigned).toHaveLength(9)
  })

  it('a run that goes on and on ends at the cap of steps', async () => {
    const desk = (maxSteps: number) =>
      team({
        name: 'desk',
        description: 'Goes on.',
        agents: [plain('worker', () => proved('done', 'inputs.given', '2004'))],
        architect: ({ tasks }) =>
          tasks.length === 0
            ? { tasks: Array.from({ length: 20 }, (_, i) => ({ id: `t${i}`, owner: 'worker' as const, objective: `Do ${i}.`, ...GIVEN })) }
            : { done: true },
        maxSteps,
      })
    const on = await told(desk(10))
    expect(on.status).toBe('limit')
    expect(on.message).toMatch(/the limit of 10 steps is reached/)
    expect(on.assigned.length).toBe(9) // The plan was the first step; tasks at work at once count as well.
    expect((await crashed(() => desk(10))).faults).toEqual([]) // The same steps are counted when a crash has come between.
    expect((await told(desk(1_000))).status).toBe('done')
  })
})

describe('tools used without need', () => {
  const desk = (isRouted: boolean) =>
    team({
      name: 'desk',
      description: 'Greets.',
      agents: [plain('worker', () => proved('Good day.', 'inputs.given', '2004'))],
      ...(isRouted && { router: () => ({ type: 'direct' as const, answer: 'Good day.' }) }),
      architect: one({ produces: ['answer'] }),
    })

  it('a router answers by itself what needs no member', async () => {
    expect(await told(desk(true))).toMatchObject({ status: 'done', output: 'Good day.', agentsRun: 0 })
    expect(await told(desk(false))).toMatchObject({ status: 'done', output: 'Good day.', agentsRun: 1 })
  })

  it('what a tool is not for stands in the prompt', async () => {
    let calls = 0
    const greeter = (notFor?: string) => {
      const prices = tool({
        name: 'prices',
        description: 'Gives prices.',
        ...(notFor !== undefined && { notFor }),
        effect: 'read',
        input: z.object({}),
        run: () => ++calls,
      })
      const model = scriptedModel([
        { when: /not use prices for: greetings/i, reply: 'Good day.' },
        { reply: [{ toolCalls: [{ name: 'prices', arguments: {} }] }, 'Good day.'] },
      ])
      return toolAgent({ name: 'greeter', description: 'Greets.', model, tools: [prices] })
    }
    expect((await told(greeter('greetings'))).output).toBe('Good day.')
    expect(calls).toBe(0)
    expect((await told(greeter())).output).toBe('Good day.')
    expect(calls).toBe(1)
  })
})

describe('bloated contexts', () => {
  const LONG = 'tick 1.5 '.repeat(40_000)

  it('a member is given the inputs of its task, and nothing else of the state', async () => {
    const sizes: number[] = []
    await compared('ownView', (make) =>
      make({
        name: 'desk',
        description: 'Reads a lot.',
        agents: [
          plain('reader', () => proved(LONG, 'inputs.given', '2004')),
          plain('worker', ({ context }) => {
            sizes.push(JSON.stringify(context).length)
            return proved('short', 'inputs.given', '2004')
          }),
        ],
        architect: ({ tasks }) => {
          const worked = { owner: 'worker' as const, objective: 'Sum up.', ...GIVEN }
          const read = { id: 'ticks', owner: 'reader' as const, objective: 'Read.', ...GIVEN }
          const middle = { ...worked, id: 'middle', owner: 'reader' as const, inputs: ['ticks'], output: { type: 'string', maxLength: 10 } }
          if (tasks.length === 0) return { tasks: [read, middle] }
          return tasks.length === 2 ? { add: [{ ...worked, id: 'last' }] } : { done: true }
        },
      }),
    )
    expect(sizes).toHaveLength(2)
    expect(sizes[0]).toBeLessThan(2_000)
    expect(sizes[1]).toBeGreaterThan(LONG.length)
  })

  it('a role is shown long values by how they begin and end', async () => {
    const models = [0, 1].map(() => scriptedModel('{ "verdict": "ok" }'))
    let made = 0
    const { on, off } = await compared('cutViews', (make) =>
      make({
        name: 'desk',
        description: 'Reviews a lot.',
        agents: [plain('worker', () => proved(LONG, 'inputs.given', '2004'))],
        model: models[made++] ?? scriptedModel([]),
        router: () => ({ type: 'delegate' }),
        architect: one({ criteria: ['all ticks'] }),
        synthesizer: ({ outputs }) => JSON.stringify(outputs['a']).length - 2,
      }),
    )
    expect([on.output, off.output]).toEqual([LONG.length, LONG.length]) // What is behind is whole.
    const longest = models.map(({ prompts }) => Math.max(...prompts.map((prompt) => prompt.length)))
    expect(longest[0]).toBeLessThan(40_000)
    expect(longest[1]).toBeGreaterThan(LONG.length)
  })
})

describe('confused roles', () => {
  it('two tasks that write the same are refused; without that the later one overwrites the earlier', async () => {
    const { on, off } = await compared('onePath', (make) =>
      make({
        name: 'desk',
        description: 'Writes twice.',
        agents: [
          plain('worker', () => proved('from one', 'inputs.given', '2004')),
          plain('other', () => proved('from another', 'inputs.given', '2004')),
        ],
        architect: ({ tasks }) => {
          const task = { objective: 'Write the answer.', produces: ['answer'], ...GIVEN }
          return tasks.length === 0
            ? {
                tasks: [
                  { ...task, id: 'a', owner: 'worker' as const },
                  { ...task, id: 'b', owner: 'other' as const },
                ],
              }
            : { done: true }
        },
        maxParallel: 1,
      }),
    )
    expect(on.refusedPlans[0]).toMatch(/tasks 'a' and 'b' both write 'answer'/)
    expect(on).toMatchObject({ status: 'limit', agentsRun: 0 })
    expect(off).toMatchObject({ status: 'done', output: 'from another' })
  })
})
