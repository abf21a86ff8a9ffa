import { TroupeError } from '../errors/troupe-error.ts'
import { detach } from '../util/detach.ts'
import { nextTurn } from '../util/next-turn.ts'

/**
 * Settles the operations of one run one at a time, in the order of its log, each a macrotask after the one before, live
 * and in replay alike: so that `Promise.race` and parallel branches take the same turn whenever the code runs again.
 */
export class Turns {
  /** Keys of recorded memos that are not settled yet, in log order. */
  readonly #recorded: readonly string[]
  readonly #known: ReadonlySet<string>
  readonly #asked = new Map<string, () => void>()
  readonly #ready: (() => void)[] = []
  readonly #atLive: (() => void)[] = []
  #pumping = false
  #next = 0

  /** How many of the first operations the code need not ask for again: it was adopted by another version after them. */
  readonly #adopted: number

  constructor(recorded: readonly string[], adopted: number = 0) {
    this.#recorded = recorded
    this.#adopted = adopted
    this.#known = new Set(recorded)
  }

  /** Whether an operation is being settled: the run is not idle, though nothing of it is under way. */
  get isSettling(): boolean {
    return this.#pumping
  }

  /** Whether every recorded operation has been answered, so that new ones may take effect. */
  get isLive(): boolean {
    return this.#next === this.#recorded.length
  }

  /** The recorded operation that the code has not asked for, though everything before it was answered. */
  get missing(): string | undefined {
    const key = this.#recorded[this.#next]
    return key !== undefined && !this.#asked.has(key) ? key : undefined
  }

  /** Passes over the operation that is missing, if that was adopted; the others go on. */
  skip(): boolean {
    if (this.missing === undefined || this.#next >= this.#adopted) return false
    this.#next++
    if (this.isLive) for (const wake of this.#atLive.splice(0)) wake()
    this.#pump()
    return true
  }

  /** Resolves when it is the turn of a recorded operation. Rejects with `engine/duplicate-key` when it is no recorded one. */
  recorded(key: string): Promise<void> {
    if (!this.#known.has(key)) {
      return Promise.reject(
        new TroupeError('engine/duplicate-key', `'${key}' was asked for twice in one run: every operation needs a key of its own`),
      )
    }
    return new Promise((resolve) => {
      this.#asked.set(key, resolve)
      this.#pump()
    })
  }

  /** Resolves when all recorded operations have been answered. */
  live(): Promise<void> {
    if (this.isLive) return Promise.resolve()
    return new Promise((resolve) => {
      this.#atLive.push(resolve)
    })
  }

  /** Resolves in the order in which it was called: call it as soon as the log has assigned the place. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#ready.push(resolve)
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    detach(this.#drain())
  }

  async #drain(): Promise<void> {
    for (let settle = this.#take(); settle; settle = this.#take()) {
      settle()
      await nextTurn()
    }
    this.#pumping = false
  }

  #take(): (() => void) | undefined {
    const key = this.#recorded[this.#next]
    if (key === undefined) return this.#ready.shift()
    const settle = this.#asked.get(key)
    if (!settle) return undefined
    this.#next++
    this.#asked.delete(key)
    if (!this.isLive) return settle
    return () => {
      settle()
      for (const wake of this.#atLive.splice(0)) wake()
    }
  }
}
