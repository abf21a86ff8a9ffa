import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import { detach } from '../../util/detach.ts'

/** How often the file is asked whether another process has written, where the system tells nothing. */
const LOOK_INTERVAL_MS = 250
/** The system tells of every write, our own too: what comes within this time is one look. */
const SETTLE_MS = 10

/** Tells when other processes have written to a store's file: at the system's hint, and by looking now and then. */
export class FileWatch {
  readonly #path: string
  readonly #version: () => Promise<number>
  readonly #listeners = new Set<() => void>()
  #watcher: FSWatcher | undefined
  #interval: ReturnType<typeof setInterval> | undefined
  #hinted: ReturnType<typeof setTimeout> | undefined
  #known: number | undefined

  /** `version` changes when another connection has written. */
  constructor(path: string, version: () => Promise<number>) {
    this.#path = path
    this.#version = version
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#start()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#stop()
    }
  }

  /** This process has written. */
  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #start(): void {
    this.#interval = setInterval(() => detach(this.#look()), LOOK_INTERVAL_MS)
    try {
      const log = `${basename(this.#path)}-wal`
      this.#watcher = watch(dirname(this.#path), (_, file) => {
        if (file === log) this.#hinted ??= setTimeout(() => detach(this.#look()), SETTLE_MS)
      })
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      // Some file systems cannot be watched: the interval is enough, only slower.
    }
  }

  #stop(): void {
    clearInterval(this.#interval)
    clearTimeout(this.#hinted)
    this.#watcher?.close()
    this.#hinted = undefined
    this.#known = undefined
  }

  async #look(): Promise<void> {
    this.#hinted = undefined
    try {
      const version = await this.#version()
      const isNew = version !== this.#known
      this.#known = version
      if (isNew) this.tell()
    } catch {
      // Whoever writes next meets the same fault and says so.
    }
  }
}
