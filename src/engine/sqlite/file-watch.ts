import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import { detach } from '../../util/detach.ts'

/** How often the file is asked whether another process has written, where the system tells nothing. */
const LOOK_INTERVAL_MS = 250
/** After a hint of the system: most writes can be seen by then. */
const SOON_MS = 2
/** It hints when a write begins, our own writes too: by then the rest can be seen as well, and what comes meanwhile is one look. */
const SETTLE_MS = 10

/** Tells when other processes have written to a store's file: at the system's hint, and by looking now and then. */
export class FileWatch {
  readonly #path: string
  readonly #version: () => Promise<number>
  readonly #listeners = new Set<() => void>()
  #watcher: FSWatcher | undefined
  #interval: ReturnType<typeof setInterval> | undefined
  #hinted: ReturnType<typeof setTimeout> | undefined
  #hints = 0
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
        if (file === log) this.#hint()
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

  #hint(): void {
    this.#hints++
    this.#hinted ??= setTimeout(() => {
      detach(this.#look())
      const known = this.#hints
      this.#hinted = setTimeout(() => {
        this.#hinted = undefined
        detach(this.#look())
        if (this.#hints !== known) this.#hint() // The last of them may be of a write that cannot be seen yet.
      }, SETTLE_MS)
    }, SOON_MS)
  }

  async #look(): Promise<void> {
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
