import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Activity } from './activity.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function watched(quietMs: number): { readonly activity: Activity; readonly quiet: () => number } {
  let quiet = 0
  return { activity: new Activity(quietMs, () => quiet++), quiet: () => quiet }
}

describe('Activity', () => {
  it('is quiet only when nothing has been busy for the whole time', () => {
    const { activity, quiet } = watched(100)
    const leaves = [activity.enter(), activity.enter()]
    leaves[0]?.()
    vi.advanceTimersByTime(500)
    expect(quiet()).toBe(0)
    leaves[1]?.()
    vi.advanceTimersByTime(99)
    activity.enter()()
    vi.advanceTimersByTime(99)
    expect(quiet()).toBe(0)
    vi.advanceTimersByTime(1)
    expect(quiet()).toBe(1)
    vi.advanceTimersByTime(1_000)
    expect(quiet()).toBe(1)
  })

  it('counts an end once, however often it is told', () => {
    const { activity, quiet } = watched(0)
    const leave = activity.enter()
    activity.enter()
    leave()
    leave()
    vi.advanceTimersByTime(10)
    expect(quiet()).toBe(0)
  })

  it('is busy during work, also when that fails', async () => {
    const { activity, quiet } = watched(0)
    const work = Promise.withResolvers<number>()
    const during = activity.during(() => work.promise).catch(() => 'failed')
    await vi.advanceTimersByTimeAsync(10)
    expect(quiet()).toBe(0)
    work.reject(new Error('no'))
    expect(await during).toBe('failed')
    await vi.advanceTimersByTimeAsync(10)
    expect(quiet()).toBe(1)
  })

  it('tells whether anything has begun between two looks', () => {
    const { activity } = watched(0)
    const before = activity.changes
    expect(activity.changes).toBe(before)
    activity.enter()()
    expect(activity.changes).not.toBe(before)
  })

  it('asks again when told to, but not while busy and not once closed', () => {
    const { activity, quiet } = watched(5)
    activity.again()
    vi.advanceTimersByTime(5)
    expect(quiet()).toBe(1)
    const leave = activity.enter()
    activity.again()
    vi.advanceTimersByTime(50)
    expect(quiet()).toBe(1)
    activity.close()
    leave()
    activity.again()
    vi.advanceTimersByTime(50)
    expect(quiet()).toBe(1)
  })
})
