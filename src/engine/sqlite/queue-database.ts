import type { DatabaseSync } from 'node:sqlite'
import { isDuplicate, isFull, isTaken } from '../queue-errors.ts'
import type { Admission, QueueDepth, QueueItem } from '../queue.ts'
import type { AfterTurn } from '../queue-rows.ts'
import type { QueueRow } from '../ready-queue.ts'
import type { ProcessLocks } from './process-locks.ts'
import { prepareQueueStatements, type QueueStatements } from './queue-statements.ts'

/** The lock that the one consumer of a file holds. */
const CONSUMER = 'consumer'

/** The queue's rows in one open file; the caller holds the transaction. */
export class QueueDatabase {
  readonly #statements: QueueStatements
  readonly #locks: ProcessLocks
  readonly #path: string

  constructor(database: DatabaseSync, locks: ProcessLocks, path: string) {
    this.#statements = prepareQueueStatements(database)
    this.#locks = locks
    this.#path = path
  }

  /** Puts an item in; its log is begun by the caller, in the same transaction. */
  admit(item: QueueItem, { maxDepth, maxDepthPerTenant }: Admission): void {
    const twin = item.dedupKey === null ? null : this.#statements.runOfKey(item.tenant, item.dedupKey)
    if (twin !== null) throw isDuplicate(item, twin)
    if (!item.isChild) {
      const queued = maxDepth === undefined ? 0 : this.#statements.count('queued')
      if (queued >= (maxDepth ?? Infinity)) throw isFull(`${queued} runs are queued`)
      const ofTenant = maxDepthPerTenant === undefined ? 0 : this.#statements.count('queued', item.tenant)
      if (ofTenant >= (maxDepthPerTenant ?? Infinity)) throw isFull(`${ofTenant} runs of tenant '${item.tenant}' are queued`)
    }
    if (item.dedupKey !== null) this.#statements.keep(item.tenant, item.dedupKey, item.run)
    this.#statements.insert(item, this.#statements.next('ordinal'), this.#statements.next('revision'))
  }

  lock(): void {
    if (!this.#locks.hold(CONSUMER)) throw isTaken(`store ${this.#path}`)
    for (const run of this.#statements.requeueRunning()) {
      const row = this.#statements.get(run)
      if (row) this.#set(row, { status: 'queued', notBefore: null, attempts: row.attempts, lastError: row.lastError })
    }
    this.#statements.clear(Number.MAX_SAFE_INTEGER)
  }

  unlock(): void {
    this.#locks.free(CONSUMER)
  }

  /** Whoever asks holds the lock for a moment himself: in the store's transaction, where nobody else asks for it. */
  isLocked(): boolean {
    return this.#locks.isHeld(CONSUMER)
  }

  changed(after: number): readonly QueueRow[] {
    this.#statements.clear(after)
    return this.#statements.changed(after)
  }

  take(run: string): QueueRow | null {
    const row = this.#statements.get(run)
    if (row?.status !== 'queued' && row?.status !== 'parked') return null
    return this.#set(row, { status: 'running', notBefore: null, attempts: row.attempts + 1, lastError: row.lastError })
  }

  settle(run: string, to: AfterTurn): QueueRow | null {
    const row = this.#statements.get(run)
    return row?.status === 'running' ? this.#set(row, to) : null
  }

  wake(run: string): boolean {
    const row = this.#statements.get(run)
    if (row?.status !== 'parked' && row?.status !== 'dead') return false
    this.#set(row, { status: 'queued', notBefore: null, attempts: 0, lastError: null })
    return true
  }

  wakeLine(line: readonly string[]): void {
    for (const run of line) {
      const row = this.#statements.get(run)
      if (row?.status === 'parked') this.#set(row, { status: 'queued', notBefore: null, attempts: 0, lastError: null })
    }
  }

  /** Takes the item of an ended run away; true when a run that called it waits for that. */
  leave(run: string): boolean {
    const row = this.#statements.get(run)
    if (!row || row.status === 'gone') return false
    this.#set(row, { status: 'gone', notBefore: null, attempts: row.attempts, lastError: null })
    return row.isChild
  }

  get(run: string): QueueRow | null {
    return this.#statements.get(run)
  }

  depth(): QueueDepth {
    const { count } = this.#statements
    return { queued: count('queued'), running: count('running'), parked: count('parked'), dead: count('dead') }
  }

  drop(root: string): void {
    this.#statements.drop(root)
  }

  #set(row: QueueRow, to: Parameters<QueueStatements['set']>[2]): QueueRow {
    const revision = this.#statements.next('revision')
    this.#statements.set(row.run, revision, to)
    return { ...row, ...to, revision }
  }
}
