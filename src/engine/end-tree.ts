import type { Entry, EntryBodies } from '../client/entry.ts'
import { stepsOf, treeUsageOf } from '../client/fold.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import type { LogStore } from './engine.ts'

export interface TreeEnd {
  readonly status: 'cancelled' | 'limit' | 'failed'
  readonly reason: TroupeError
  readonly clock: Clock
  /** Leave the run itself alone. */
  readonly onlyBelow?: boolean
}

/**
 * Ends every run of a tree that has not ended, children first, without a worker: a transition of the store by the
 * caller. A run that ends meanwhile keeps its own end.
 */
export async function endTree(store: LogStore, root: string, { status, reason, clock, onlyBelow }: TreeEnd): Promise<readonly Entry[]> {
  const tree = await store.readTree(root)
  const logs = Map.groupBy(tree, (entry) => entry.run)
  const open = [...logs].filter(([, entries]) => !entries.some((entry) => entry.type === 'run-end'))
  const written: Entry[] = []
  for (const [run, entries] of open.toReversed()) {
    if (onlyBelow && run === root) continue
    const body: EntryBodies['run-end'] = { status, error: reason.toJSON(), usage: treeUsageOf(run, tree), steps: stepsOf(entries) }
    const at = new Date(clock.now()).toISOString()
    try {
      written.push(...(await store.append(run, [{ key: 'end', at, type: 'run-end', body }], null)))
    } catch (error) {
      if (!TroupeError.is(error, 'run/ended')) throw error
    }
  }
  return written
}
