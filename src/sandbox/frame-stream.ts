import type { Frame } from './sandbox.ts'

/** The frames of one step on their way to the one who pulls them: pushed in order, ended once, with an error or without. */
export class FrameStream implements AsyncIterableIterator<Frame> {
  readonly #frames: Frame[] = []
  readonly #onAbandoned: () => void
  #waiting: { resolve: (result: IteratorResult<Frame>) => void; reject: (error: unknown) => void } | null = null
  #ended = false
  #error: unknown = null

  /** `onAbandoned`: the consumer left before the end. */
  constructor(onAbandoned: () => void) {
    this.#onAbandoned = onAbandoned
  }

  push(frame: Frame): void {
    if (this.#ended) return
    const waiting = this.#waiting
    if (waiting === null) {
      this.#frames.push(frame)
      return
    }
    this.#waiting = null
    waiting.resolve({ done: false, value: frame })
  }

  end(): void {
    this.#ended = true
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = null
  }

  /** Frames that were not pulled yet are dropped: the session they belong to is gone. */
  fail(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#frames.length = 0
    if (this.#waiting === null) this.#error = error
    else this.#waiting.reject(error)
    this.#waiting = null
  }

  next(): Promise<IteratorResult<Frame>> {
    const frame = this.#frames.shift()
    if (frame !== undefined) return Promise.resolve({ done: false, value: frame })
    if (this.#error !== null) {
      const error = this.#error
      this.#error = null
      return Promise.reject(error)
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<Frame>> {
    const isEarly = !this.#ended
    this.end()
    this.#frames.length = 0
    if (isEarly) this.#onAbandoned()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
