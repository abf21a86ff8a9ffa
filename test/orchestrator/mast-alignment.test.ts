import { describe, expect, it } from 'vitest'
import type { team } from '../../src/index.ts'
import { compared } from './compare.ts'
import { coder, plain, proved } from './support.ts'

// MAST (arXiv 2503.13657), second category: agents that do not act in line with each other.

const GIVEN = { given: 'a quote of the data' }
const ok = (output: string) => proved(output, 'inputs.given', 'quote')

describe('the conversation is reset', () => {
  it('by a plan that starts over with what is done: it is refused, and the work stands', async () => {
    const { on, off } = await compared('doneStays', (make) =>
      make({
        name: 'desk',
        description: 'Starts over.',
        agents: [plain('worker', () => ok('done')), plain('other', () => 'no proof')],
        architect: ({ tasks, reasons }) => {
          const figures = { id: 'figures', owner: 'worker' as const, objective: 'Read.', ...GIVEN }
          const chart = { id: 'chart', owner: 'other' as const, objective: 'Draw.' }
          if (tasks.length === 0) return { tasks: [figures, chart] }
          const isFirst = tasks.length === 2 && !reasons.some((reason) => reason.includes('is done'))
          return isFirst ? { drop: ['figures'], add: [figures, { ...chart, id: 'chart2' }] } : { done: true }
        },
      }),
    )
    expect(on.refusedPlans).toEqual([expect.stringMatching(/task 'figures' is done: it can be neither dropped/)])
    expect(on.assigned.filter((id) => id === 'figures')).toHaveLength(1)
    expect(on).toMatchObject({ status: 'done', output: { figures: 'done' } })
    expect(off.assigned.filter((id) => id === 'figures')).toHaveLength(2)
  })
})

describe('no question is asked', () => {
  it('where a plan takes for given what nobody gave: it is refused before anything of it runs', async () => {
    const { on, off } = await compared('knownInputs', (make) =>
      make({
        name: 'desk',
        description: 'Assumes.',
        agents: [plain('worker', ({ context }) => ok(`of ${JSON.stringify(context?.['year'] ?? 'whatever year')}`))],
        architect: ({ tasks }) =>
          tasks.length === 0
            ? { tasks: [{ id: 'a', owner: 'worker' as const, objective: 'Sum up the year.', inputs: ['context.year'], ...GIVEN }] }
            : { done: true },
      }),
    )
    expect(on).toMatchObject({ status: 'limit', agentsRun: 0 })
    expect(on.refusedPlans[0]).toMatch(/needs 'context.year', which did not come with the goal/)
    expect(off).toMatchObject({ status: 'done', output: { a: 'of "whatever year"' } })
  })
})

describe('a team is derailed', () => {
  it('by a plan that serves something else than the goal: it is refused', async () => {
    const { on, off } = await compared('coverage', (make) =>
      make({
        name: 'desk',
        description: 'Strays.',
        agents: [plain('worker', () => ok('a nice story'))],
        criteria: ['names the best share'],
        architect: ({ tasks }) =>
          tasks.length === 0
            ? { tasks: [{ id: 'story', owner: 'worker' as const, objective: 'Tell a story.', ...GIVEN }] }
            : { done: true },
      }),
    )
    expect(on).toMatchObject({ status: 'limit', agentsRun: 0 })
    expect(on.refusedPlans[0]).toMatch(/no task covers the criterion of the goal 'names the best share'/)
    expect(off).toMatchObject({ status: 'done', output: { story: 'a nice story' } })
  })
})

describe('information is withheld', () => {
  it('by a member that hands on half of what its task is to write: it is turned down', async () => {
    const { on, off } = await compared('allPaths', (make) =>
      make({
        name: 'desk',
        description: 'Withholds.',
        agents: [plain('worker', () => ({ output: { best: 'AAPL' }, evidence: [{ ref: 'inputs.given', quote: 'quote' }] }))],
        architect: ({ tasks }) =>
          tasks.length === 0
            ? { tasks: [{ id: 'a', owner: 'worker' as const, objective: 'Best and worst.', produces: ['best', 'worst'], ...GIVEN }] }
            : { done: true },
      }),
    )
    expect(on.turnedDown[0]).toMatch(/nothing for 'worst', which this task is to write/)
    expect(on).toMatchObject({ status: 'limit' })
    expect(off).toMatchObject({ status: 'done', output: { a: { best: 'AAPL' } } })
  })
})

/** The reader finds 1234.5; what the writer makes of it is the test's. */
function newsroom(make: typeof team, writer: () => ReturnType<typeof proved>) {
  return make({
    name: 'desk',
    description: 'Reports.',
    agents: [plain('reader', () => ({ output: 1234.5, evidence: [{ ref: 'inputs.given', quote: '1,234.50' }] })), plain('writer', writer)],
    architect: ({ tasks }) =>
      tasks.length === 0
        ? {
            tasks: [
              { id: 'figures', owner: 'reader' as const, objective: 'Read the sales.', given: 'Sales: 1,234.50' },
              { id: 'report', owner: 'writer' as const, objective: 'Report them.', inputs: ['figures'] },
            ],
          }
        : { done: true },
  })
}

describe("another's input is ignored", () => {
  it('by a writer that reports another figure as that of its colleague: the quote does not stand there', async () => {
    const { on, off } = await compared('evidenceStands', (make) =>
      newsroom(make, () => proved('Sales were 1,324.50.', 'inputs.figures', '1,324.50')),
    )
    expect(on.turnedDown[0]).toMatch(/'1,324.50' does not stand in inputs.figures/)
    expect(on.output).toEqual({ figures: 1234.5 })
    expect(off).toMatchObject({ status: 'done', output: { report: 'Sales were 1,324.50.' } })
  })
})

describe('an action is unlike its reasoning', () => {
  it('where code claims the result of a call that it never made: the call is not in its log', async () => {
    const { on, off } = await compared('evidenceStands', (make) =>
      make({
        name: 'desk',
        description: 'Claims.',
        agents: [
          coder('worker', [
            "// I look the price up, and then answer.\nfinalAnswer({ output: 7, evidence: [{ ref: 'prices#1', quote: '7' }] })",
          ]),
        ],
        architect: ({ tasks }) =>
          tasks.length === 0 ? { tasks: [{ id: 'a', owner: 'worker', objective: 'Look the price up.' }] } : { done: true },
      }),
    )
    expect(on.turnedDown[0]).toMatch(/there is no 'prices#1'/)
    expect(on.status).toBe('limit')
    expect(off).toMatchObject({ status: 'done', output: { a: 7 } })
  })
})
