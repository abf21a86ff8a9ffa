import { describe, expect, it } from 'vitest'
import type { Plan, PlanChanges, PlannedTask } from './plan.ts'
import { checkChanges, checkPlan, type PlanGround } from './plan-check.ts'
import { emptyState, StateBoard, type TeamState } from './state.ts'

const GROUND: PlanGround = {
  members: new Map([
    ['coder', { tools: ['read'], skills: [] }],
    ['writer', { tools: [], skills: ['prose'] }],
    ['away', { tools: null, skills: [] }],
  ]),
  pick: ({ skills = [] }) => (skills.includes('prose') ? 'writer' : undefined),
}
const EMPTY = emptyState('goal', { data: 1 }, [])

function one(id: string, more: Partial<PlannedTask> = {}): PlannedTask {
  return { id, owner: 'coder', objective: id, ...more }
}

function reasons(plan: Plan, state: TeamState = EMPTY, ground: PlanGround = GROUND): readonly string[] {
  const verdict = checkPlan(plan, state, ground)
  return verdict.ok ? [] : verdict.reasons
}

describe('a plan', () => {
  it('that is sound passes, with an owner for each task', () => {
    const plan = {
      tasks: [one('a', { tools: ['read'], inputs: ['context.data'] }), { id: 'b', objective: 'b', skills: ['prose'], inputs: ['a'] }],
    }
    expect(checkPlan(plan, EMPTY, GROUND)).toEqual({ ok: true, plan, owners: { a: 'coder', b: 'writer' } })
  })

  it.each<[string, Plan, RegExp]>([
    ['has no task', { tasks: [] }, /no task/],
    ['has too many', { tasks: Array.from({ length: 10_000 }, (_, i) => one(`t${i}`)) }, /10000 tasks, at most 1000/],
    ['has a cycle', { tasks: [one('a', { inputs: ['b'] }), one('b', { inputs: ['a'] }), one('c')] }, /cycle: none of a, b can/],
    ['has a task that needs itself', { tasks: [one('a', { inputs: ['a'] })] }, /cycle/],
    ['names nobody we know', { tasks: [one('a', { owner: 'ghost' })] }, /'ghost', which is no member; there are coder, writer, away/],
    ['has a task that nobody can do', { tasks: [{ id: 'a', objective: 'a', skills: ['law'] }] }, /has no owner/],
    ['uses a tool of another', { tasks: [one('a', { owner: 'writer', tools: ['read'] })] }, /writer has no tool 'read'; it has none/],
    ['needs a task that is not there', { tasks: [one('a', { inputs: ['b'] })] }, /no such task/],
    ['needs a value that is not there', { tasks: [one('a', { inputs: ['context.x'] })] }, /did not come with the goal/],
    ['has an id twice', { tasks: [one('a'), one('a')] }, /two tasks have the id 'a'/],
    ['has an id that is no key', { tasks: [one('a-b')] }, /is no id/],
    ['has two writers of a path', { tasks: [one('a', { produces: ['x'] }), one('b', { produces: ['x'] })] }, /'a' and 'b' both write 'x'/],
    [
      'has a writer inside another’s path',
      { tasks: [one('a', { produces: ['x'] }), one('b', { produces: ['x.y.z'] })] },
      /'x.y.z', which is inside 'x' of task 'a'/,
    ],
    [
      'leaves a criterion out',
      { criteria: ['fast', 'right'], tasks: [one('a', { covers: ['fast'] })] },
      /no task covers the criterion of the goal 'right'/,
    ],
    ['covers what nobody asked for', { tasks: [one('a', { covers: ['nice'] })] }, /no criterion of the goal/],
    ['gives out more than the budget', { tasks: [one('a', { budgetShare: 0.7 }), one('b', { budgetShare: 0.7 })] }, /add up to 1.40/],
  ])('that %s is refused', (_, plan, reason) => {
    expect(reasons(plan).join('\n')).toMatch(reason)
  })

  it('of a goal with criteria may add to them and drop none', () => {
    const state = emptyState('goal', {}, ['right'])
    expect(reasons({ tasks: [one('a', { covers: ['right'] })] }, state)).toEqual([])
    expect(reasons({ criteria: ['fast'], tasks: [one('a', { covers: ['fast'] })] }, state).join()).toMatch(/none may be dropped/)
  })

  it('may name any tool of a member whose tools are not known', () => {
    expect(reasons({ tasks: [one('a', { owner: 'away', tools: ['anything'] })] })).toEqual([])
  })

  it('shows the first reasons of many', () => {
    expect(reasons({ tasks: Array.from({ length: 90 }, (_, i) => one(`t${i}`, { owner: 'ghost' })) })).toHaveLength(21)
  })
})

describe('changes of a plan', () => {
  const board = new StateBoard(EMPTY)
  board.write({ type: 'plan', plan: { tasks: [one('a'), one('b', { inputs: ['a'] }), one('c')] }, owners: {} })
  board.write({ type: 'task', task: 'a', place: { state: 'done', taken: {} } })
  const check = (changes: PlanChanges): string => {
    const verdict = checkChanges(changes, board.state, GROUND)
    return verdict.ok ? '' : verdict.reasons.join('\n')
  }

  it('never touch what is done', () => {
    expect(check({ drop: ['a'] })).toMatch(/'a' is done/)
    expect(check({ reassign: { a: 'writer' } })).toMatch(/'a' is done/)
  })

  it('are held against the tasks that stay', () => {
    expect(check({ add: [one('d', { inputs: ['a'] })] })).toBe('')
    expect(check({ add: [one('c')] })).toMatch(/there is a task 'c' from an earlier round/)
    expect(check({ add: [one('d', { produces: ['c'] })] })).toMatch(/both write 'c'/)
    expect(check({ drop: ['c'], add: [one('d', { produces: ['c'] })] })).toBe('')
    expect(check({ drop: ['nothing'] })).toMatch(/no task 'nothing'/)
    expect(check({ reassign: { c: 'ghost' } })).toMatch(/no member 'ghost'/)
  })

  it('cannot drop what a task that stays needs', () => {
    const chain = new StateBoard(EMPTY)
    chain.write({ type: 'plan', plan: { tasks: [one('a'), one('b', { inputs: ['a'] })] }, owners: {} })
    const verdict = checkChanges({ drop: ['a'] }, chain.state, GROUND)
    expect(verdict).toMatchObject({ ok: false })
    expect(checkChanges({ drop: ['a', 'b'] }, chain.state, GROUND)).toMatchObject({ ok: true })
  })
})
