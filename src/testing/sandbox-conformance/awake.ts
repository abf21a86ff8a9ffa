import { readFileSync } from 'node:fs'

const TICK_MS = 5

/** The most that one turn of the host's event loop may take during any attack. */
export const MAX_GAP_MS = 50

export interface LoopWatch extends Disposable {
  /** The longest time between two ticks of 5 ms, less the time in which this thread was ready to run and the machine ran others. */
  readonly gapMs: number
}

/**
 * Watches how long the event loop of this thread is held. What a busy machine takes is left out where the kernel tells it
 * (Linux), so that the figure says what the program did; elsewhere it is wall time.
 */
export function watchLoop(): LoopWatch {
  let gapMs = 0
  let [last, waited] = [performance.now(), waitedMs()]
  const look = (): void => {
    const [now, waitedNow] = [performance.now(), waitedMs()]
    gapMs = Math.max(gapMs, now - last - (waitedNow - waited))
    ;[last, waited] = [now, waitedNow]
  }
  const timer = setInterval(look, TICK_MS)
  return {
    get gapMs() {
      look()
      return gapMs
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** Milliseconds for which this thread was ready and did not run: the second number of its scheduler's. */
function waitedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
