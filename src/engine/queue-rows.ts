import type { Entry, NewEntry } from '../client/entry.ts'
import type { Admission, QueueDepth, QueueItem, QueueState } from './queue.ts'
import type { QueueRow } from './ready-queue.ts'

/** Where an item goes when its turn has ended without the end of its run. */
export type AfterTurn =
  | { readonly status: 'queued'; readonly notBefore: number | null; readonly attempts: number; readonly lastError: string | null }
  | { readonly status: 'parked'; readonly notBefore: number | null; readonly attempts: number; readonly lastError: null }
  | { readonly status: 'dead'; readonly notBefore: null; readonly attempts: number; readonly lastError: string }

/** The rows of an embedded queue: what a store keeps of it. Every change is one transaction and gives the row as it is then. */
export interface QueueRows {
  enqueue(start: NewEntry<'run-start'>, item: QueueItem, admission: Admission): Promise<Entry>
  /** Makes the caller the one consumer; whatever a consumer before it had taken is queued again. Throws `queue/taken`. */
  lock(): Promise<void>
  unlock(): Promise<void>
  /** Whether anybody is the one consumer now. */
  isLocked(): Promise<boolean>
  /** What has changed since a revision, in the order of revisions. */
  changed(after: number): Promise<readonly QueueRow[]>
  /** From queued, or parked, to running, one attempt more; null when it is neither. */
  take(run: string): Promise<QueueRow | null>
  /** What becomes of a running item; null when its run has ended meanwhile. */
  settle(run: string, to: AfterTurn): Promise<QueueRow | null>
  wake(run: string): Promise<boolean>
  get(run: string): Promise<QueueState | null>
  depth(): Promise<QueueDepth>
  /** Tells when rows may have changed, be it by another process. */
  onChange(listener: () => void): () => void
}
