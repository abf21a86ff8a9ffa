import type { Entry, EntryBodies } from '../client/entry.ts'
import type { TroupeError } from '../errors/troupe-error.ts'
import type { Hub } from './hub.ts'

/** A run as its handle sees it, be it driven by this process or followed from its log. */
export interface Driven {
  readonly runId: string
  readonly hub: Hub
  /** The body of `run-end`; rejects when this process cannot tell any more. */
  readonly ended: Promise<EntryBodies['run-end']>
  /** Resolves whenever the run waits for somebody; at once while it does. */
  readonly parked: Promise<void>
  /** The entries of the whole tree, even when the store has forgotten them. */
  entries(): Promise<readonly Entry[]>
  cancel(reason: TroupeError): Promise<void>
}
