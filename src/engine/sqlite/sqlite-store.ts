import type { Entry, NewEntry } from '../../client/entry.ts'
import { systemClock } from '../../util/clock.ts'
import { EmbeddedQueue } from '../embedded-queue.ts'
import { endTree } from '../end-tree.ts'
import type { ClaimOptions, CreateOptions, HeadFilter, LogStore, RunHead } from '../engine.ts'
import type { Ledger } from '../ledger.ts'
import type { RunQueue } from '../queue.ts'
import type { SnapshotStore } from '../snapshots.ts'
import { FileWatch } from './file-watch.ts'
import { entryOf, newRowOf } from './rows.ts'
import { SqliteQueueRows } from './sqlite-queue.ts'
import type { WorkerLink } from './worker-link.ts'

/** Writes from outside of these types may end somebody's waiting; the end of a run may be its caller's. */
const STIRRING: ReadonlySet<string> = new Set(['signal', 'approval-given', 'run-end'])

/** The log in a SQLite file that other processes may use at the same time. */
export class SqliteStore implements LogStore {
  readonly shared = true
  readonly queue: RunQueue
  readonly ledger: Ledger
  readonly snapshots?: SnapshotStore
  readonly #link: WorkerLink
  readonly #watch: FileWatch

  constructor(link: WorkerLink, path: string, snapshots?: SnapshotStore) {
    this.#link = link
    if (snapshots) this.snapshots = snapshots
    this.#watch = new FileWatch(path, () => this.version())
    this.queue = new EmbeddedQueue(new SqliteQueueRows(link, this.#watch), (run, reason) =>
      endTree(this, run, { status: 'failed', reason, clock: systemClock }),
    )
    this.ledger = {
      reserve: (holder, scopes, amount) => link.ask('reserve', { holder, scopes, amount }),
      settle: async (id, used) => void (await link.ask('settle', { id, used })),
      release: async (holder) => void (await link.ask('releaseHolds', { holder })),
      spent: (scope) => link.ask('spent', { scope }),
    }
  }

  async create(run: string, start: NewEntry<'run-start'>, { rest = [], under = null }: CreateOptions = {}): Promise<Entry> {
    await this.#link.ask('create', { run, rows: [start, ...rest].map((entry) => newRowOf(run, entry)), under })
    return { run, seq: 1, epoch: 0, ...start }
  }

  async claim(run: string, { takeOver = false, under = null }: ClaimOptions = {}): Promise<number> {
    return this.#link.ask('claim', { run, takeOver, under })
  }

  async release(run: string, epoch: number): Promise<void> {
    await this.#link.ask('release', { run, epoch })
  }

  async append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]> {
    const first = await this.#link.ask('append', { run, rows: entries.map((entry) => newRowOf(run, entry)), epoch })
    if (entries.some(({ type }) => STIRRING.has(type))) this.#watch.tell()
    if (entries.some(({ type }) => type === 'run-end')) await this.#forget(run)
    return entries.map((entry, index) => ({ run, seq: first + index, epoch: epoch ?? 0, ...entry }))
  }

  async feed(after: string | null, limit: number): Promise<{ cursor: string | null; entries: readonly Entry[] }> {
    const { cursor, rows } = await this.#link.ask('feed', { after: Number(after ?? 0), limit })
    return { cursor: rows.length === 0 ? after : String(cursor), entries: rows.map(entryOf) }
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
    await this.#forget(run)
  }

  /** A file that cannot be removed is sealed and of no use to anyone. */
  async #forget(run: string): Promise<void> {
    await this.snapshots?.delete(run).catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]()
  }
}
