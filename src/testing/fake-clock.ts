import type { Clock } from '../util/clock.ts'
import { nextTurn } from '../util/next-turn.ts'

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /**
   * Moves on by `ms` and fires the timers that fall due, earliest first, each at its own time. Before, between and after
   * them everything that is runnable runs, so timers that are set meanwhile count as well.
   */
  advance(ms: number): Promise<void>
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** A clock for tests: `openRuntime({ engine, clock: fakeClock() })`. Starts at `startMs`, default 2026-01-01T00:00:00Z. */
export function fakeClock(startMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  let now = startMs
  const timers = new Set<Timer>()
  const nextDue = (end: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    return first
  }
  return {
    now: () => now,
    after: (ms, callback) => {
      const timer = { at: now + Math.max(ms, 0), callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      const end = now + ms
      await settle()
      for (let timer = nextDue(end); timer; timer = nextDue(end)) {
        timers.delete(timer)
        now = Math.max(now, timer.at)
        timer.callback()
        await settle()
      }
      now = Math.max(now, end)
    },
  }
}

/** Turns of the event loop in which promises of several steps, such as an append and what follows it, come through. */
const TURNS = 10

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await nextTurn()
}
