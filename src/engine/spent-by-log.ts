import { isEntry, type Entry } from '../client/entry.ts'
import { usageOfCall } from '../client/fold.ts'
import { NOTHING, plus, spentBy } from './amounts.ts'
import type { Spent } from './spending.ts'

/** What the logs of a run and of all runs below it have used, each model call counted once; agents whose logs are in another store count by what they reported. */
export function spentIn(entries: readonly Entry[]): Spent {
  const here = new Set(entries.map((entry) => entry.run))
  return entries.reduce((sum, entry) => {
    if (isEntry(entry, 'tool-start')) return plus(sum, { ...NOTHING, toolCalls: 1 })
    if (isEntry(entry, 'model-end')) return plus(sum, spentBy(usageOfCall(entry.body)))
    if (isEntry(entry, 'agent-end') && !here.has(entry.body.childRunId)) return plus(sum, spentBy(entry.body.usage))
    return sum
  }, NOTHING)
}

/**
 * Milliseconds that a run has been at work by its log: from entry to entry of the same activation. The time in which
 * it was parked, or nobody had it after a crash, does not count.
 */
export function workedMs(entries: readonly Entry[]): number {
  const own = entries.filter((entry) => entry.epoch > 0)
  return own.reduce((sum, entry, i) => {
    const next = own[i + 1]
    return next && next.epoch === entry.epoch ? sum + Date.parse(next.at) - Date.parse(entry.at) : sum
  }, 0)
}
