import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isBusy } from './sqlite-fault.ts'

/** A lock file that is just being made is nobody's leftover. */
const LEFTOVER_AFTER_MS = 60_000

/**
 * Which processes live, told by files that each holds locked (`begin exclusive`) as long as it does: the lock is gone the
 * moment the process is, however it ended, and is held while it is only stopped. The files lie beside the store.
 */
export class ProcessLocks {
  readonly #directory: string
  readonly #held = new Map<string, DatabaseSync>()

  constructor(storePath: string) {
    this.#directory = `${storePath}.locks`
  }

  /** Holds a lock until `free`; false when another process, or another user of this one, holds it. */
  hold(name: string): boolean {
    if (this.#held.has(name)) return true
    if (!existsSync(this.#directory)) mkdirSync(this.#directory, { recursive: true })
    const lock = this.#tryLock(name)
    if (!lock) return false
    this.#held.set(name, lock)
    return true
  }

  isHeld(name: string): boolean {
    if (this.#held.has(name)) return true
    if (!existsSync(join(this.#directory, name))) return false
    const lock = this.#tryLock(name)
    if (!lock) return true
    rmSync(join(this.#directory, name), { force: true }) // Before the lock is let go: else it could be another's by then.
    lock.close()
    return false
  }

  free(name: string): void {
    const lock = this.#held.get(name)
    if (!lock) return
    this.#held.delete(name)
    rmSync(join(this.#directory, name), { force: true })
    lock.close()
  }

  freeAll(): void {
    for (const name of this.#held.keys()) this.free(name)
  }

  /** Removes what processes that were killed have left. */
  sweep(): void {
    if (!existsSync(this.#directory)) return
    for (const name of readdirSync(this.#directory)) {
      const stat = statSync(join(this.#directory, name), { throwIfNoEntry: false })
      if (stat && Date.now() - stat.mtimeMs > LEFTOVER_AFTER_MS && !name.includes('-')) this.isHeld(name)
    }
  }

  #tryLock(name: string): DatabaseSync | null {
    const path = join(this.#directory, name)
    const file = new DatabaseSync(path, { timeout: 0 })
    try {
      // In memory: a journal file beside the lock would stay behind when the process is killed.
      file.exec('pragma journal_mode = memory; begin exclusive')
      if (existsSync(path)) return file
      file.close() // The holder before took the file away with it: a lock on it would be seen by nobody.
      return this.#tryLock(name)
    } catch (error) {
      file.close()
      if (isBusy(error)) return null
      throw error
    }
  }
}
