import { describe, expect, it } from 'vitest'
import { Repetition } from './repetition.ts'
import { emptyState, inputsOf, StateBoard } from './state.ts'

describe('the state', () => {
  it('shows the owner of a task what the task names, and nothing else', () => {
    const board = new StateBoard(emptyState('goal', { city: 'Bern', secret: 1 }, []))
    const tasks = [
      { id: 'a', objective: 'a' },
      { id: 'b', objective: 'b' },
      { id: 'c', objective: 'c', inputs: ['a', 'context.city'], given: [1] },
    ]
    board.write({ type: 'plan', plan: { tasks }, owners: { a: 'x', b: 'x', c: 'y' } })
    board.write({ type: 'result', task: 'a', output: 1, evidence: [] })
    board.write({ type: 'result', task: 'b', output: 2, evidence: [] })
    const c = board.task('c')
    expect(c && inputsOf(board.state, c.plan)).toEqual({ a: 1, city: 'Bern', given: [1] })
  })

  it('is plain JSON, and a copy of it is not changed any more', () => {
    const board = new StateBoard(emptyState('goal', {}, ['right']))
    board.write({ type: 'plan', plan: { tasks: [{ id: 'a', objective: 'a' }], facts: ['f'] }, owners: { a: 'x' } })
    const before = board.snapshot()
    board.write({ type: 'written', task: 'a', values: { a: 1 } })
    board.write({ type: 'step' })
    board.write({ type: 'spent', usage: { inputTokens: 1, outputTokens: 2 } })
    expect(before.outputs).toEqual({})
    expect(JSON.parse(JSON.stringify(board.state))).toEqual(board.snapshot())
    expect(board.state).toMatchObject({
      lastDone: 'a',
      contributors: ['x'],
      steps: 1,
      outputs: { a: 1 },
      ledger: { facts: ['f'] },
      round: 1,
    })
  })

  it('does not know tasks that are none', () => {
    const board = new StateBoard(emptyState('goal', {}, []))
    board.write({ type: 'note', task: 'toString', from: 'x', text: 'lost' })
    expect(board.task('toString')).toBeUndefined()
  })
})

describe('repetition', () => {
  it('is the same task with the same output turned down for the same, in any words of it', () => {
    const seen = new Repetition()
    expect(seen.isRepeated('Count the words.', { n: 1, m: 2 }, ['Too few.'])).toBe(false)
    expect(seen.isRepeated('count  the words', { m: 2, n: 1 }, ['too few'])).toBe(true)
    expect(seen.isRepeated('Count the words.', { n: 2, m: 2 }, ['Too few.'])).toBe(false)
    expect(seen.isRepeated('Count the words.', { n: 1, m: 2 }, ['Too many.'])).toBe(false)
    expect(seen.isRepeated('Count the lines.', { n: 1, m: 2 }, ['Too few.'])).toBe(false)
  })
})
