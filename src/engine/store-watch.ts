import { detach } from '../util/detach.ts'
import type { LogStore } from './engine.ts'

/** How often a shared store is asked whether another process has written. */
const LOOK_INTERVAL_MS = 250

/**
 * One look at a shared store for all runs of a runtime: those who listen are told when another process has written
 * something, whatever it is. A store of one process tells nothing, and costs nothing.
 */
export class StoreWatch {
  readonly #store: LogStore
  readonly #listeners = new Set<() => void>()
  #timer: ReturnType<typeof setInterval> | undefined
  #version: number | undefined

  constructor(store: LogStore) {
    this.#store = store
  }

  /** `onChange` may also come for a write from before: read after subscribing, and nothing is missed. */
  subscribe(onChange: () => void): () => void {
    if (!this.#store.shared) return () => {}
    this.#listeners.add(onChange)
    this.#timer ??= setInterval(() => detach(this.#look()), LOOK_INTERVAL_MS)
    return () => {
      this.#listeners.delete(onChange)
      if (this.#listeners.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
      this.#version = undefined
    }
  }

  async #look(): Promise<void> {
    try {
      const version = await this.#store.version()
      if (version === this.#version) return
      this.#version = version
      for (const tell of this.#listeners) tell()
    } catch {
      // The next look, or the next append, meets the same fault and says so.
    }
  }
}
