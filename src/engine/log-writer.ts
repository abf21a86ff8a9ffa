import type { Entry, EntryBodies, EntryType, NewEntry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import { detach } from '../util/detach.ts'
import { isoTime } from '../util/iso-time.ts'
import { dropped } from '../util/never.ts'
import type { LogStore } from './engine.ts'

export interface LogWriterOptions {
  readonly store: LogStore
  readonly run: string
  readonly epoch: number
  readonly clock: Clock
  /** Called with what was written, in order. */
  onAppended(entries: readonly Entry[]): void
  /** Called once when nothing can be written any more; it is never the outcome of the run. */
  onBroken(error: TroupeError): void
}

/** What a context writes its run's log with. */
export interface Writer {
  entry<Type extends EntryType>(type: Type, key: string, body: EntryBodies[Type]): NewEntry<Type>
  append(entries: readonly NewEntry[]): Promise<readonly Entry[]>
}

/** The writer of a run that is only looked back on. */
export function refusingWriter(run: string): Writer {
  return {
    entry: (type, key, body) => ({ key, at: '', type, body }),
    append: () => Promise.reject(new TroupeError('run/ended', `run ${run} has ended: nothing can be added to it`)),
  }
}

/** How often an append is tried again when the store says that trying may help. */
const APPEND_ATTEMPTS = 5
const APPEND_BACKOFF_MS = 50

interface Writing {
  readonly entries: readonly NewEntry[]
  readonly resolve: (written: readonly Entry[]) => void
}

/**
 * Writes the log of one run for one activation. A failed append never reaches agent code, where a `catch` could take
 * it for an outcome: it is tried again, or the whole activation breaks and this promise is dropped.
 */
export class LogWriter implements Writer {
  readonly #options: LogWriterOptions
  #queue: Writing[] = []
  #isWriting = false
  #closed = false
  #ended = false

  constructor(options: LogWriterOptions) {
    this.#options = options
  }

  /** Whether what is asked for is dropped. */
  get isClosed(): boolean {
    return this.#closed || this.#ended
  }

  /** From now on nothing is written, and what is asked for is dropped. */
  close(): void {
    this.#closed = true
    this.#queue = []
  }

  entry<Type extends EntryType>(type: Type, key: string, body: EntryBodies[Type]): NewEntry<Type> {
    return { key, at: isoTime(this.#options.clock.now()), type, body }
  }

  append(entries: readonly NewEntry[]): Promise<readonly Entry[]> {
    if (this.isClosed) return dropped()
    return entries.length === 0 ? Promise.resolve([]) : this.#enqueue(entries)
  }

  /** Writes the last entry of the run. What its code has left running is dropped from here on: it has no log any more. */
  end(entry: NewEntry<'run-end'>): Promise<readonly Entry[]> {
    if (this.isClosed) return dropped()
    this.#ended = true
    return this.#enqueue([entry])
  }

  #enqueue(entries: readonly NewEntry[]): Promise<readonly Entry[]> {
    return new Promise((resolve) => {
      this.#queue.push({ entries, resolve })
      if (this.#isWriting) return
      this.#isWriting = true
      detach(this.#writeAll())
    })
  }

  /** One append at a time, of all that has come together meanwhile: so the order holds through retries, and the disk is asked less. */
  async #writeAll(): Promise<void> {
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0)
      try {
        const [first] = batch
        const written = await this.#tryAppend(first && batch.length === 1 ? first.entries : batch.flatMap(({ entries }) => entries))
        this.#options.onAppended(written)
        let at = 0
        for (const { entries, resolve } of batch) {
          const own = batch.length === 1 ? written : written.slice(at, (at += entries.length))
          if (!this.#closed) resolve(own)
        }
      } catch (error) {
        if (!this.#closed) {
          this.close()
          this.#options.onBroken(TroupeError.wrap(error, 'engine/store-failed'))
        }
      }
    }
    this.#isWriting = false
  }

  async #tryAppend(entries: readonly NewEntry[]): Promise<readonly Entry[]> {
    const { store, run, epoch } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        return await store.append(run, entries, epoch)
      } catch (error) {
        if (!TroupeError.is(error) || !error.retryable || attempt === APPEND_ATTEMPTS || this.#closed) throw error
        await new Promise((resolve) => setTimeout(resolve, APPEND_BACKOFF_MS * 2 ** attempt))
      }
    }
  }
}
