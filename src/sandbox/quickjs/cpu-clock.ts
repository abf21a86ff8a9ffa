/** Turns that met no interrupt are not worth two system calls: what they took is told by the wall clock, up to this much. */
const LONGEST_ESTIMATE_MS = 5
/** Estimates add up at most to this much before the thread's time is read again. */
const ESTIMATES_MS = 20

/**
 * The CPU time of a thread's turns. Never wall time, which a suspended process or a busy machine would spend for the
 * guest; but a turn too short for an interrupt is estimated by it, because to read the thread's CPU time takes microseconds.
 */
export class CpuClock {
  /** CPU milliseconds of the whole thread, as last read. */
  threadMs = 0
  #startedAt = 0
  #startMs: number | null = null
  #estimated = 0

  start(): void {
    this.#startedAt = performance.now()
    this.#startMs = null
  }

  /** Exact CPU milliseconds since the start, but for the first moment before the first call. */
  read(): number {
    this.threadMs = readThreadMs()
    this.#estimated = 0
    this.#startMs ??= this.threadMs - this.#estimate()
    return this.threadMs - this.#startMs
  }

  /** CPU milliseconds of the turn that ends here. */
  stop(): number {
    if (this.#startMs !== null) return this.read()
    const estimate = this.#estimate()
    this.#estimated += estimate
    if (this.#estimated > ESTIMATES_MS) this.read()
    return estimate
  }

  #estimate(): number {
    return Math.min(LONGEST_ESTIMATE_MS, performance.now() - this.#startedAt)
  }
}

function readThreadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
