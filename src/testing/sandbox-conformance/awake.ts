import { readFileSync } from 'node:fs'

const TICK_MS = 5

/** The most that one turn of the host's event loop may work during any attack. */
export const MAX_GAP_MS = 50
/** The same with what it waits for, such as a file or a page: on a shared machine that cannot be told from the machine's own pauses. */
export const MAX_STALL_MS = 250

export interface LoopWatch extends Disposable {
  /** The longest work of this thread between two ticks of 5 ms, in milliseconds of its own CPU time: how long the host held its event loop. */
  readonly gapMs: number
  /** The longest wall time between two ticks, less the time in which this thread was ready and the machine ran others (Linux tells it). */
  readonly stallMs: number
}

/**
 * Watches how long the event loop of this thread is held. Wall time alone would say more of the machine than of the program:
 * with twenty processes on two cores every timer is late, in a program that does nothing too.
 */
export function watchLoop(): LoopWatch {
  let [gapMs, stallMs] = [0, 0]
  let last = read()
  const look = (): void => {
    const now = read()
    gapMs = Math.max(gapMs, now.cpu - last.cpu)
    stallMs = Math.max(stallMs, now.wall - last.wall - (now.waited - last.waited))
    last = now
  }
  const timer = setInterval(look, TICK_MS)
  return {
    get gapMs() {
      look()
      return gapMs
    },
    get stallMs() {
      look()
      return stallMs
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

function read(): { readonly wall: number; readonly cpu: number; readonly waited: number } {
  const { user, system } = process.threadCpuUsage()
  return { wall: performance.now(), cpu: (user + system) / 1_000, waited: waitedMs() }
}

/** Milliseconds for which this thread was ready and did not run: the second number of its scheduler's. */
function waitedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
