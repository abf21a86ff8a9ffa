import { afterEach, expect, it, vi } from 'vitest'
import { systemClock } from './clock.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('does not fire at once for a time that is longer than a timer can hold', () => {
  vi.useFakeTimers()
  let fired = 0
  systemClock.after(2 ** 40, () => fired++)
  vi.advanceTimersByTime(60_000)
  expect(fired).toBe(0)
})

it('fires once, and not when taken back', () => {
  vi.useFakeTimers()
  const fired: string[] = []
  systemClock.after(-5, () => fired.push('past'))
  systemClock.after(10, () => fired.push('kept'))
  systemClock.after(10, () => fired.push('taken back'))()
  vi.advanceTimersByTime(1_000)
  expect(fired).toEqual(['past', 'kept'])
})
