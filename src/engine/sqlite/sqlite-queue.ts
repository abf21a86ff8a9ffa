import type { Entry, NewEntry } from '../../client/entry.ts'
import type { Admission, QueueDepth, QueueItem, QueueState } from '../queue.ts'
import type { AfterTurn, QueueRows } from '../queue-rows.ts'
import type { QueueRow } from '../ready-queue.ts'
import { newRowOf } from './rows.ts'
import type { FileWatch } from './file-watch.ts'
import type { WorkerLink } from './worker-link.ts'

/** The queue's rows in the file, which the worker thread holds. */
export class SqliteQueueRows implements QueueRows {
  readonly #link: WorkerLink
  readonly #watch: FileWatch

  constructor(link: WorkerLink, watch: FileWatch) {
    this.#link = link
    this.#watch = watch
  }

  async enqueue(start: NewEntry<'run-start'>, item: QueueItem, admission: Admission): Promise<Entry> {
    await this.#link.ask('enqueue', { start: newRowOf(item.run, start), item, admission })
    this.#watch.tell()
    return { run: item.run, seq: 1, epoch: 0, ...start }
  }

  async lock(): Promise<void> {
    await this.#link.ask('queueLock', null)
  }

  async unlock(): Promise<void> {
    await this.#link.ask('queueUnlock', null)
  }

  isLocked(): Promise<boolean> {
    return this.#link.ask('queueIsLocked', null)
  }

  changed(after: number): Promise<readonly QueueRow[]> {
    return this.#link.ask('queueChanged', { after })
  }

  take(run: string): Promise<QueueRow | null> {
    return this.#link.ask('queueTake', { run })
  }

  settle(run: string, to: AfterTurn): Promise<QueueRow | null> {
    return this.#link.ask('queueSettle', { run, to })
  }

  async wake(run: string): Promise<boolean> {
    const isWoken = await this.#link.ask('queueWake', { run })
    if (isWoken) this.#watch.tell()
    return isWoken
  }

  async get(run: string): Promise<QueueState | null> {
    const row = await this.#link.ask('queueGet', { run })
    if (!row || row.status === 'gone') return null
    const { revision: _, ordinal: __, status, ...rest } = row
    return { ...rest, status }
  }

  depth(): Promise<QueueDepth> {
    return this.#link.ask('queueDepth', null)
  }

  onChange(listener: () => void): () => void {
    return this.#watch.subscribe(listener)
  }
}
