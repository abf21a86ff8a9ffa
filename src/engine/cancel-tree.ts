import type { Entry, EntryBodies } from '../client/entry.ts'
import { stepsOf, usageOf } from '../client/fold.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import type { LogStore } from './engine.ts'

/**
 * Ends every run of a tree that has not ended as cancelled, children first, without a worker: a transition of the
 * store by the caller. A run that ends meanwhile keeps its own end.
 */
export async function cancelTree(store: LogStore, root: string, reason: TroupeError, clock: Clock): Promise<readonly Entry[]> {
  const logs = Map.groupBy(await store.readTree(root), (entry) => entry.run)
  const open = [...logs].filter(([, entries]) => !entries.some((entry) => entry.type === 'run-end'))
  const written: Entry[] = []
  for (const [run, entries] of open.toReversed()) {
    const body: EntryBodies['run-end'] = { status: 'cancelled', error: reason.toJSON(), usage: usageOf(entries), steps: stepsOf(entries) }
    const at = new Date(clock.now()).toISOString()
    try {
      written.push(...(await store.append(run, [{ key: 'end', at, type: 'run-end', body }], null)))
    } catch (error) {
      if (!TroupeError.is(error, 'run/ended')) throw error
    }
  }
  return written
}
