import { describe, expect, it } from 'vitest'
import { startOf } from './machine.ts'
import { criticalPaths, Schedule } from './schedule.ts'
import type { TaskState } from './state.ts'
import { TASK_MACHINE } from './task-machine.ts'

function task(id: string, inputs: readonly string[] = [], owner = 'a', state = 'pending'): TaskState {
  const place = { ...startOf(TASK_MACHINE), state }
  return { plan: { id, objective: id, inputs }, owner, place, round: 1, evidence: [], defects: [], findings: [], notes: [] }
}

describe('the schedule', () => {
  it('starts what needs nothing, then each task the moment its own needs are done', () => {
    const schedule = new Schedule([task('a'), task('b'), task('c', ['a']), task('d', ['a', 'b'])], { maxParallel: 9 })
    expect(schedule.take()).toEqual(['a', 'b'])
    schedule.ended('a', true)
    expect(schedule.take()).toEqual(['c']) // No barrier: b is still at work.
    schedule.ended('b', true)
    expect(schedule.take()).toEqual(['d'])
  })

  it('starts the longest chain first, then in the order of the plan', () => {
    const tasks = [task('short'), task('long'), task('x', ['long']), task('y', ['x']), task('other')]
    expect(Object.fromEntries(criticalPaths(tasks))).toEqual({ long: 3, other: 1, short: 1, x: 2, y: 1 })
    const schedule = new Schedule(tasks, { maxParallel: 1 })
    expect(schedule.take()).toEqual(['long'])
    schedule.ended('long', true)
    expect(schedule.take()).toEqual(['x'])
  })

  it('holds to its caps, and one member’s cap does not hold up the others', () => {
    const tasks = [task('a1', [], 'a'), task('a2', [], 'a'), task('a3', [], 'a'), task('b1', [], 'b'), task('b2', [], 'b')]
    const schedule = new Schedule(tasks, { maxParallel: 3, members: { a: 1 } })
    expect(schedule.take()).toEqual(['a1', 'b1', 'b2'])
    expect(schedule.take()).toEqual([])
    schedule.ended('b1', true)
    expect(schedule.take()).toEqual([])
    schedule.ended('a1', true)
    expect(schedule.take()).toEqual(['a2'])
  })

  it('does not start what needs a task that did not get done', () => {
    const schedule = new Schedule([task('a'), task('b', ['a'])], { maxParallel: 2 })
    schedule.take()
    schedule.ended('a', false)
    expect(schedule.take()).toEqual([])
    expect(schedule.atWork.size).toBe(0)
  })

  it('made anew, counts what is done and what is at work', () => {
    const tasks = [task('a', [], 'a', 'done'), task('b', ['a'], 'a', 'running'), task('c', ['a']), task('d', ['b'])]
    const schedule = new Schedule(tasks, { maxParallel: 2 }, new Map([['b', 'a']]))
    expect(schedule.take()).toEqual(['c'])
    schedule.ended('b', true)
    expect(schedule.take()).toEqual(['d'])
  })

  it('takes every one of many tasks once, each after its needs', () => {
    const tasks = Array.from({ length: 1_000 }, (_, i) => task(`t${i}`, i < 40 ? [] : [`t${i - 40}`, `t${Math.floor(i / 2)}`], `m${i % 7}`))
    const schedule = new Schedule(tasks, { maxParallel: 16, members: { m0: 2 } })
    const done = new Set<string>()
    const open: string[] = []
    for (;;) {
      const taken = schedule.take()
      for (const id of taken) for (const need of tasks[Number(id.slice(1))]?.plan.inputs ?? []) expect(done.has(need)).toBe(true)
      open.push(...taken)
      const next = open.splice(Math.floor(open.length / 2), 1)[0]
      if (next === undefined) break
      done.add(next)
      schedule.ended(next, true)
    }
    expect(done.size).toBe(1_000)
  })
})
