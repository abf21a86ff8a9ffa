import type { Entry, NewEntry } from '../../client/entry.ts'
import { isDuplicate, isFull, isTaken } from '../queue-errors.ts'
import { endTopic, type Admission, type QueueDepth, type QueueItem, type QueueState, type QueueStatus } from '../queue.ts'
import type { AfterTurn, QueueRows } from '../queue-rows.ts'
import type { QueueRow } from '../ready-queue.ts'

/** What the queue needs of the logs beside it. */
export interface MemoryLogs {
  create(run: string, start: NewEntry<'run-start'>): Entry
  /** Writes from outside; does nothing where the run has ended or is not there. */
  tell(run: string, entry: NewEntry): void
}

/** The queue's rows in this process's memory. */
export class MemoryQueueRows implements QueueRows {
  readonly #logs: MemoryLogs
  readonly #rows = new Map<string, QueueRow>()
  /** Runs by tenant and deduplication key. */
  readonly #keys = new Map<string, string>()
  readonly #listeners = new Set<() => void>()
  /** What has changed since the consumer last looked; null while there is none. */
  #changes: QueueRow[] | null = null
  #revision = 0

  constructor(logs: MemoryLogs) {
    this.#logs = logs
  }

  async enqueue(start: NewEntry<'run-start'>, item: QueueItem, admission: Admission): Promise<Entry> {
    const key = item.dedupKey === null ? null : JSON.stringify([item.tenant, item.dedupKey])
    const twin = key === null ? undefined : this.#keys.get(key)
    if (twin !== undefined) throw isDuplicate(item, twin)
    if (!item.isChild) this.#admit(item, admission)
    const entry = this.#logs.create(item.run, start)
    if (key !== null) this.#keys.set(key, item.run)
    this.#put({ ...item, status: 'queued', attempts: 0, lastError: null, ordinal: this.#revision + 1, revision: 0 })
    return entry
  }

  async lock(): Promise<void> {
    if (this.#changes) throw isTaken('this store')
    for (const row of this.#rows.values()) if (row.status === 'running') this.#put({ ...row, status: 'queued', notBefore: null })
    this.#changes = [...this.#rows.values()].toSorted((a, b) => a.revision - b.revision)
  }

  async unlock(): Promise<void> {
    this.#changes = null
  }

  async isLocked(): Promise<boolean> {
    return this.#changes !== null
  }

  async changed(after: number): Promise<readonly QueueRow[]> {
    const changes = this.#changes ?? []
    if (this.#changes) this.#changes = []
    return changes.filter((row) => row.revision > after)
  }

  async take(run: string): Promise<QueueRow | null> {
    const row = this.#rows.get(run)
    if (!row || (row.status !== 'queued' && row.status !== 'parked')) return null
    return this.#put({ ...row, status: 'running', notBefore: null, attempts: row.attempts + 1 })
  }

  async settle(run: string, to: AfterTurn): Promise<QueueRow | null> {
    const row = this.#rows.get(run)
    return row?.status === 'running' ? this.#put({ ...row, ...to }) : null
  }

  async wake(run: string): Promise<boolean> {
    const row = this.#rows.get(run)
    if (!row || (row.status !== 'parked' && row.status !== 'dead')) return false
    this.#put({ ...row, status: 'queued', notBefore: null, attempts: 0 })
    return true
  }

  async get(run: string): Promise<QueueState | null> {
    const row = this.#rows.get(run)
    if (!row || row.status === 'gone') return null
    const { revision: _, ordinal: __, status, ...rest } = row
    return { ...rest, status }
  }

  async depth(): Promise<QueueDepth> {
    const count = (status: QueueStatus): number => [...this.#rows.values()].filter((row) => row.status === status).length
    return { queued: count('queued'), running: count('running'), parked: count('parked'), dead: count('dead') }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Something came from outside: whoever is parked in one of these runs, a run and those above it, goes on. */
  wakeLine(line: readonly string[]): void {
    for (const run of line) {
      const row = this.#rows.get(run)
      if (row?.status === 'parked') this.#put({ ...row, status: 'queued', notBefore: null })
    }
  }

  /** A run has ended: its item leaves, and who waits for it is told. */
  leave(run: string, parent: string | undefined, at: string): void {
    const row = this.#rows.get(run)
    if (!row) return
    this.#rows.delete(run)
    this.#tellChange({ ...row, status: 'gone', revision: ++this.#revision })
    if (row.isChild && parent !== undefined) this.#logs.tell(parent, { at, type: 'signal', body: { topic: endTopic(run), value: null } })
  }

  /** A log was dropped. */
  forget(run: string): void {
    this.#rows.delete(run)
    for (const [key, twin] of this.#keys) if (twin === run) this.#keys.delete(key)
  }

  #admit(item: QueueItem, { maxDepth = Infinity, maxDepthPerTenant = Infinity }: Admission): void {
    let depth = 0
    let ofTenant = 0
    for (const row of this.#rows.values()) {
      if (row.status !== 'queued') continue
      depth++
      if (row.tenant === item.tenant) ofTenant++
    }
    if (depth >= maxDepth) throw isFull(`${depth} runs are queued`)
    if (ofTenant >= maxDepthPerTenant) throw isFull(`${ofTenant} runs of tenant '${item.tenant}' are queued`)
  }

  #put(row: QueueRow): QueueRow {
    const written = { ...row, revision: ++this.#revision }
    this.#rows.set(row.run, written)
    this.#tellChange(written)
    return written
  }

  #tellChange(row: QueueRow): void {
    this.#changes?.push(row)
    for (const listener of this.#listeners) listener()
  }
}
