import { TroupeError } from '../errors/troupe-error.ts'
import type { Ledger } from './ledger.ts'
import type { RunQueue } from './queue.ts'

/** For stores that only replay a log: nothing is queued there, and nothing spent. */
export function noQueue(): { readonly queue: RunQueue; readonly ledger: Ledger } {
  const refuse = (): Promise<never> => Promise.reject(new TroupeError('engine/closed', 'a log that is only looked through has no queue'))
  return {
    queue: { isEmbedded: false, enqueue: refuse, consume: refuse, wake: refuse, get: refuse, depth: refuse, isServed: refuse },
    ledger: { reserve: refuse, settle: refuse, release: refuse, spent: refuse },
  }
}
