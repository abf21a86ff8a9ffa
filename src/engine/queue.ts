import type { Entry, NewEntry } from '../client/entry.ts'
import { END_TOPIC } from '../client/fold.ts'
import type { TroupeError } from '../errors/troupe-error.ts'

/**
 * The queue of a store: runs that wait for a worker. It holds no state of a run, only whose turn it is; the log stays the
 * one truth. An item lives from `enqueue` to the run's `run-end`, and leaves in the same transaction as that is written.
 *
 * What every adapter does by itself, in the transaction of the append that causes it:
 * - an `approval-given` or `signal` from outside makes a parked item of the run, or of a run above it, queued again;
 * - a `run-end` takes the run's item away, and when the item is a called run's (`isChild`), writes the signal
 *   `endTopic(run)` to its parent and wakes that as above.
 */
export interface RunQueue {
  /** One consumer serves the whole store: without one, a runtime that queues a run becomes it. */
  readonly isEmbedded: boolean
  /**
   * Begins the log of a run and queues it, in one transaction. Throws `queue/full` (retryable, `details.retryAfterMs`)
   * when more runs than `admission` allows are queued, `queue/duplicate` (`details.runId`) when a run of the same tenant was
   * enqueued with the same `dedupKey` and its log is still kept, `engine/duplicate-key` when the run exists.
   */
  enqueue(start: NewEntry<'run-start'>, item: QueueItem, admission?: Admission): Promise<Entry>
  /**
   * Takes runs whose turn has come and hands each to `perform`, until drained. Throws `queue/taken` when the store has one
   * consumer only and another process is that.
   */
  consume(options: ConsumeOptions, perform: (turn: QueueTurn) => Promise<Performed>): Promise<Consumer>
  /** Queues a parked or dead item again, its attempts counted anew; false when there is none. */
  wake(run: string): Promise<boolean>
  /** How the run stands in the queue; null when it is not there. */
  get(run: string): Promise<QueueState | null>
  depth(): Promise<QueueDepth>
  /** Whether a consumer lives that takes runs of this store, in whatever process; of which agents, nobody is asked. */
  isServed(): Promise<boolean>
}

export interface QueueItem {
  readonly run: string
  readonly agent: string
  /** Empty: of no tenant. */
  readonly tenant: string
  /** What rates of models count by; empty: none. */
  readonly model: string
  /** From 0; the lower number first, among the runs of one tenant. */
  readonly priority: number
  /** Milliseconds since 1970; null: at once. */
  readonly notBefore: number | null
  /** Milliseconds since 1970: a run that has not started by then ends as `failed` with `queue/expired`. */
  readonly expiresAt: number | null
  readonly dedupKey: string | null
  /** How often it is taken before it is a dead letter; counted anew after each parking. */
  readonly maxAttempts: number
  /** Called by a run that waits for its end, so that admission lets it in. */
  readonly isChild: boolean
}

export interface Admission {
  /** Queued runs in the whole store. */
  readonly maxDepth?: number
  readonly maxDepthPerTenant?: number
}

export type QueueStatus = 'queued' | 'running' | 'parked' | 'dead'

export interface QueueState extends QueueItem {
  readonly status: QueueStatus
  readonly attempts: number
  /** Why it was not ended the last time it was taken. */
  readonly lastError: string | null
}

export type QueueDepth = { readonly [Status in QueueStatus]: number }

/** At most `limit` starts in any `periodMs`. */
export interface Rate {
  readonly limit: number
  readonly periodMs: number
}

/** Who may run how much at once; what is absent is not capped. Called runs that run inside their parent count for nothing. */
export interface QueueLimits {
  /** In the whole store. */
  readonly concurrency?: number
  /** For each tenant; runs of no tenant are one tenant. */
  readonly tenant?: { readonly concurrency?: number; readonly rate?: Rate }
  /** Instead of `tenant`, by name. */
  readonly tenants?: { readonly [tenant: string]: { readonly concurrency?: number; readonly rate?: Rate } }
  readonly agents?: { readonly [agent: string]: { readonly concurrency?: number; readonly rate?: Rate } }
  readonly models?: { readonly [model: string]: { readonly rate?: Rate } }
}

export interface ConsumeOptions {
  /** Runs at once in this process. */
  readonly concurrency: number
  /** Take runs of these agents only. */
  readonly agents: readonly string[]
  readonly limits?: QueueLimits
  /** Before a run that broke is taken again: `baseMs * 2 ** (attempt - 1)`, at most `maxMs`. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
  /** Called with what the queue itself wrote to logs: ends of expired runs and of dead letters. */
  onWritten?(entries: readonly Entry[]): void
}

/** One run whose turn it is. */
export interface QueueTurn {
  readonly run: string
  /** From 1. */
  readonly attempt: number
  /** For `LogStore.claim`: proves in stores with several workers that the run was handed to this one. */
  readonly ticket?: unknown
}

/** How a turn ended. */
export type Performed =
  /** Its log has a `run-end`. */
  | { readonly type: 'ended' }
  /** It waits; `until`: milliseconds since 1970 of its next timer. `isAnswered` is asked once more after it is parked. */
  | { readonly type: 'parked'; readonly until?: number; isAnswered(): Promise<boolean> }
  /** The worker stops: somebody else goes on with it at once. */
  | { readonly type: 'stopped' }
  /** Taken again after a while when `error.retryable`, else dead: it is kept without an end until it is woken or cancelled. */
  | { readonly type: 'broken'; readonly error: TroupeError }

export interface Consumer {
  /** How many runs are performed now. */
  readonly running: number
  /** Takes no more; resolves when all that was taken is done. Calling it again is the same. */
  drain(): Promise<void>
  /** Resolves when this process may take no more runs, such as after its connection was lost: it should exit. Pending otherwise. */
  readonly lost: Promise<TroupeError>
}

export const QUEUE_DEFAULTS = {
  priority: 100,
  maxAttempts: 5,
  concurrency: 4,
  maxDepth: 10_000,
  backoff: { baseMs: 500, maxMs: 60_000 },
  /** What a refused caller is told to wait, and the least that it is. */
  retryAfterMs: 1_000,
} as const

/** The topic of the signal that tells a run that one it called has ended. */
export function endTopic(childRun: string): string {
  return `${END_TOPIC}${childRun}`
}
