import type { Entry, EntryType, NewEntry } from '../../client/entry.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { Ledger } from '../ledger.ts'
import { noQueue } from '../no-queue.ts'
import type { RunQueue } from '../queue.ts'
import { bodyText } from '../body-text.ts'
import type { HeadFilter, LogStore, RunHead } from '../engine.ts'
import type { NewRow, Row } from './operations.ts'
import type { WorkerLink } from './worker-link.ts'

/** The log in a SQLite file that other processes may use at the same time. */
export class SqliteStore implements LogStore {
  readonly shared = true
  readonly #link: WorkerLink

  constructor(link: WorkerLink) {
    this.#link = link
  }

  readonly queue: RunQueue = noQueue().queue
  readonly ledger: Ledger = noQueue().ledger

  release(): Promise<void> {
    return Promise.resolve()
  }

  feed(): Promise<{ cursor: string | null; entries: readonly Entry[] }> {
    return Promise.resolve({ cursor: null, entries: [] })
  }

  async create(run: string, start: NewEntry<'run-start'>): Promise<Entry> {
    await this.#link.ask('create', { run, start: newRowOf(run, start) })
    return { run, seq: 1, epoch: 0, ...start }
  }

  async claim(run: string): Promise<number> {
    return this.#link.ask('claim', { run })
  }

  async append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]> {
    const first = await this.#link.ask('append', { run, rows: entries.map((entry) => newRowOf(run, entry)), epoch })
    return entries.map((entry, index) => ({ run, seq: first + index, epoch: epoch ?? 0, ...entry }))
  }

  async read(run: string, after: number = 0): Promise<readonly Entry[]> {
    return (await this.#link.ask('read', { run, after })).map(entryOf)
  }

  async readTree(root: string): Promise<readonly Entry[]> {
    return (await this.#link.ask('readTree', { root })).map(entryOf)
  }

  async heads(filter: HeadFilter = {}): Promise<readonly RunHead[]> {
    const heads = await this.#link.ask('heads', filter)
    return heads.flatMap(({ start, last, steps }) => {
      try {
        return [{ run: start.run, start: entryOf(start), last: entryOf(last), steps }]
      } catch {
        return [] // Whoever reads this run is told what is wrong with it; the others can still be listed.
      }
    })
  }

  version(): Promise<number> {
    return this.#link.ask('version', null)
  }

  async drop(run: string): Promise<void> {
    await this.#link.ask('drop', { run })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]()
  }
}

function newRowOf(run: string, entry: NewEntry): NewRow {
  return { key: entry.key ?? null, at: entry.at, type: entry.type, body: bodyText(run, entry) }
}

/** Rows come from disk: what does not parse is a fault of this one run. */
function entryOf({ run, seq, key, epoch, at, type, body }: Row): Entry {
  try {
    return { run, seq, ...(key !== null && { key }), epoch, at, type: type as EntryType, body: JSON.parse(body) as Entry['body'] }
  } catch (error) {
    throw new TroupeError('engine/log-corrupt', `entry ${seq} of run ${run} cannot be read: its body is no JSON`, {
      details: { run, seq },
      cause: error,
    })
  }
}
