import { TroupeError } from '../errors/troupe-error.ts'
import { QUEUE_DEFAULTS, type QueueItem } from './queue.ts'

/** A run of the same key was enqueued before. */
export function isDuplicate({ dedupKey, tenant }: QueueItem, run: string): TroupeError {
  const whose = tenant === '' ? '' : ` of tenant '${tenant}'`
  return new TroupeError('queue/duplicate', `key '${dedupKey}'${whose} has begun run ${run} already`, { details: { runId: run } })
}

/** More runs are queued than admission allows. */
export function isFull(what: string): TroupeError {
  const retryAfterMs = QUEUE_DEFAULTS.retryAfterMs
  return new TroupeError('queue/full', `no more runs are taken in: ${what}; try again in ${retryAfterMs} ms`, { details: { retryAfterMs } })
}

/** Somebody else consumes the queue. */
export function isTaken(store: string): TroupeError {
  return new TroupeError(
    'queue/taken',
    `the queue of ${store} is consumed already: one worker is all that such a store has; PostgreSQL takes more`,
  )
}

/** What was asked for in the name of an owner that is not the owner any more. */
export function isLost(run: string, epoch: number, owner: number | null): TroupeError {
  return new TroupeError('engine/lost-ownership', `run ${run} was taken over: epoch ${epoch} is stale, ${owner} owns it`)
}
