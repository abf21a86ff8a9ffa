import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { team, tool } from '../../src/index.ts'
import { compared, told } from './compare.ts'
import { coder, plain, proved } from './support.ts'

// MAST (arXiv 2503.13657), first category: the specification of the system. Each team commits the failure; each case
// shows that it does not get through, and that it does when the answer to it is switched off.

const GIVEN = { given: 'a quote of the data' }
const ok = (output: string) => proved(output, 'inputs.given', 'quote')

/** Plans once, then says that nothing is left. */
function once<Made>(plan: Made) {
  return ({ tasks }: { readonly tasks: readonly unknown[] }): Made | { done: true } => (tasks.length === 0 ? plan : { done: true })
}

describe('a task is disobeyed', () => {
  it('by an output of another shape: it is turned down, and is no part of the answer', async () => {
    const { on, off } = await compared('outputSchema', (make) =>
      make({
        name: 'desk',
        description: 'Counts.',
        agents: [plain('worker', () => ok('about three, I think'))],
        architect: once({ tasks: [{ id: 'count', owner: 'worker' as const, objective: 'Count.', output: { type: 'integer' }, ...GIVEN }] }),
      }),
    )
    expect(on).toMatchObject({ status: 'limit', output: null })
    expect(on.turnedDown[0]).toMatch(/does not fit its schema/)
    expect(on.message).toMatch(/count \(rejected\)/)
    expect(off).toMatchObject({ status: 'done', output: { count: 'about three, I think' }, turnedDown: [] })
  })
})

describe('a role is disobeyed', () => {
  it('by a plan that hands the tools of one member to another: it is refused', async () => {
    const { on, off } = await compared('ownTools', (make) =>
      make({
        name: 'desk',
        description: 'Reads and writes.',
        agents: [plain('reader', () => ok('read'), ['prices']), plain('writer', () => ok('written'), ['paper'])],
        architect: once({
          tasks: [{ id: 'a', owner: 'writer' as const, objective: 'Read prices yourself.', tools: ['prices'], ...GIVEN }],
        }),
      }),
    )
    expect(on.refusedPlans[0]).toMatch(/its owner writer has no tool 'prices'; it has paper/)
    expect(on).toMatchObject({ status: 'limit', agentsRun: 0 })
    expect(off).toMatchObject({ status: 'done', refusedPlans: [] })
  })

  it('by a member that reaches for a tool which is not for its task: its code does not have it', async () => {
    const wiped: number[] = []
    const { on, off } = await compared('taskTools', (make) => {
      const team = wiped.push(0) - 1
      const read = { effect: 'read', input: z.object({}) } as const
      const wipe = tool({ ...read, name: 'wipe', description: 'Wipes all data.', run: () => (wiped[team] = (wiped[team] ?? 0) + 1) })
      const look = tool({ ...read, name: 'look', description: 'Looks.', run: () => 'seen' })
      const turn = "try { await wipe({}) } catch {}\nfinalAnswer({ output: await look({}), evidence: [{ ref: 'look#1', quote: 'seen' }] })"
      return make({
        name: 'desk',
        description: 'Looks.',
        agents: [coder('worker', [turn], { tools: [wipe, look] })],
        architect: once({ tasks: [{ id: 'a', owner: 'worker' as const, objective: 'Look only.', tools: ['look'] }] }),
      })
    })
    expect(on).toMatchObject({ status: 'done', output: { a: 'seen' } })
    expect(off).toMatchObject({ status: 'done', output: { a: 'seen' } })
    expect(wiped).toEqual([0, 1]) // With the defence, and without it.
  })
})

describe('steps are repeated', () => {
  it('by an owner that gives the same again, and by a plan that asks for the same under another name: each is ended at once', async () => {
    const { on, off } = await compared('repetition', (make) =>
      make({
        name: 'desk',
        description: 'Repeats.',
        agents: [plain('worker', () => ok('wrong'))],
        reviewer: ({ output }) => (output === 'wrong' ? { verdict: 'defect', reasons: ['It is wrong.'] } : { verdict: 'ok' }),
        architect: ({ tasks }) => {
          const task = { owner: 'worker' as const, objective: 'Do it.', criteria: ['right'], ...GIVEN }
          if (tasks.length === 0) return { tasks: [{ ...task, id: 'first' }] }
          return tasks.length === 1 ? { add: [{ ...task, id: 'again', objective: ' do it' }] } : { done: true }
        },
        maxAttempts: 6,
      }),
    )
    expect(on.assigned).toEqual(['first', 'first', 'again'])
    expect(off.assigned).toEqual([...Array.from({ length: 6 }, () => 'first'), ...Array.from({ length: 6 }, () => 'again')])
  })

  it('by an answer that comes again as it was refused: the run ends', async () => {
    const { on, off } = await compared('repetition', (make) =>
      make({
        name: 'desk',
        description: 'Answers the same.',
        agents: [plain('worker', () => ok('a'))],
        reviewer: ({ subject }) => (subject === 'answer' ? { verdict: 'defect', reasons: ['It is too short.'] } : { verdict: 'ok' }),
        architect: ({ tasks }) => {
          const task = { owner: 'worker' as const, objective: 'Do it.', ...GIVEN }
          return tasks.length === 0 ? { tasks: [{ ...task, id: 'a' }] } : { add: [{ ...task, id: `a${tasks.length}` }] }
        },
        synthesizer: () => 'short',
        maxRounds: 6,
      }),
    )
    expect(on.assigned).toHaveLength(2)
    expect(on.message).toMatch(/the same answer was refused for the same before/)
    expect(off.assigned).toHaveLength(6)
  })
})

describe('the history is lost', () => {
  it('between two attempts: a new one is told what was wrong with the last', async () => {
    const { on, off } = await compared('history', (make) =>
      make({
        name: 'desk',
        description: 'Repairs.',
        agents: [plain('worker', ({ task }) => ok(task.includes('It must name the year.') ? 'in 2004' : 'at some time'))],
        reviewer: ({ output, subject }) =>
          subject === 'task' && output !== 'in 2004' ? { verdict: 'defect', reasons: ['It must name the year.'] } : { verdict: 'ok' },
        architect: once({ tasks: [{ id: 'a', owner: 'worker' as const, objective: 'When?', criteria: ['a year'], ...GIVEN }] }),
      }),
    )
    expect(on).toMatchObject({ status: 'done', output: { a: 'in 2004' }, assigned: ['a', 'a'] })
    expect(off).toMatchObject({ status: 'limit', output: null })
  })
})

describe('a team that does not know when to end', () => {
  /** Its reviewer always wants more, its architect always has more; left alone it goes on for twelve rounds. */
  const restless = (maxRounds?: number) =>
    team({
      name: 'desk',
      description: 'Never has enough.',
      agents: [plain('worker', () => ok('more'))],
      reviewer: ({ subject, inputs }) =>
        subject === 'task' || Object.keys(inputs).length >= 12 ? { verdict: 'ok' } : { verdict: 'defect', reasons: ['There may be more.'] },
      architect: ({ tasks }) => {
        const task = { id: `t${tasks.length}`, owner: 'worker' as const, objective: `Look once more, ${tasks.length}.`, ...GIVEN }
        return tasks.length === 0 ? { tasks: [task] } : { add: [task] }
      },
      ...(maxRounds !== undefined && { maxRounds }),
    })

  it('is stopped by the cap of rounds, with the best answer so far and why', async () => {
    const on = await told(restless())
    const off = await told(restless(100))
    expect(on.assigned).toHaveLength(5)
    expect(on).toMatchObject({ status: 'limit', output: { t0: 'more', t4: 'more' } })
    expect(on.message).toMatch(/There may be more/)
    expect(off).toMatchObject({ status: 'done' })
    expect(off.assigned).toHaveLength(12)
  })
})
