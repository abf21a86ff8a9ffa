/**
 * Knows whether a run tree is doing anything in this activation. Busy: effects, appends, guests that compute, things
 * that are being opened. When nothing is busy, all that is left are waits, and `onQuiet` may park the tree.
 */
export class Activity {
  readonly #onQuiet: () => void
  readonly #quietMs: number
  #busy = 0
  #changes = 0
  #quietSince = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  /** `quietMs`: how long nothing may have been busy before `onQuiet` is called; called again after each busy time. */
  constructor(quietMs: number, onQuiet: () => void) {
    this.#quietMs = quietMs
    this.#onQuiet = onQuiet
  }

  /** Rises whenever something begins: two equal values say that nothing has in between. */
  get changes(): number {
    return this.#changes
  }

  /** Marks the begin of something busy; the returned function marks its end, once. */
  enter(): () => void {
    this.#busy++
    this.#changes++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#leave()
    }
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++
    this.#changes++
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #leave(): void {
    this.#busy--
    if (this.#busy === 0) this.#arm()
  }

  /** Calls `onQuiet` once more after the time, when nothing is busy then. */
  again(): void {
    if (this.#busy === 0) this.#arm()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** One timer is left running through short busy times, and looks again when it comes too early. */
  #arm(): void {
    if (this.#closed) return
    this.#quietSince = performance.now()
    this.#timer ??= setTimeout(() => this.#check(), this.#quietMs)
  }

  #check(): void {
    this.#timer = undefined
    if (this.#busy > 0 || this.#closed) return
    const leftMs = this.#quietSince + this.#quietMs - performance.now()
    if (leftMs > 0) this.#timer = setTimeout(() => this.#check(), leftMs)
    else this.#onQuiet()
  }
}
