import { isEntry, type Entry } from '../client/entry.ts'
import { elsewhereKey } from './elsewhere.ts'

/** What could let a parked tree go on: an answer that is there already, or the time of its next timer. */
export interface Prospect {
  readonly answered: boolean
  /** Milliseconds since 1970. */
  readonly until?: number
}

/** Looks in the logs of a parked tree for answers that no wait has taken yet, and for the earliest timer. */
export function prospectOf(tree: readonly Entry[]): Prospect {
  const logs = [...Map.groupBy(tree, (entry) => entry.run).values()].map(prospectOfRun)
  const times = logs.flatMap(({ until }) => (until === undefined ? [] : [until]))
  return { answered: logs.some(({ answered }) => answered), ...(times.length > 0 && { until: Math.min(...times) }) }
}

function prospectOfRun(entries: readonly Entry[]): Prospect {
  if (entries.some((entry) => entry.type === 'run-end')) return { answered: false }
  const ends = entries.filter((entry) => isEntry(entry, 'wait-end'))
  const seen = new Set(ends.map((entry) => entry.key))
  const taken = new Set(ends.map((entry) => (isEntry(entry, 'wait-end') ? entry.body.from : undefined)))
  const given = new Set(entries.filter((entry) => entry.type === 'approval-given').map((entry) => entry.key))
  const topics = new Set(entries.flatMap((entry) => (isEntry(entry, 'signal') && !taken.has(entry.seq) ? [entry.body.topic] : [])))

  const returned = new Set(entries.flatMap((entry) => (entry.type === 'agent-end' ? [elsewhereKey(entry.key ?? '')] : [])))

  const waits = entries.filter((entry) => !seen.has(entry.key) && !returned.has(entry.key ?? ''))
  const times = waits.flatMap((entry) => (isEntry(entry, 'wait-start') && entry.body.until !== undefined ? [entry.body.until] : []))
  const answered = waits.some((entry) => {
    if (isEntry(entry, 'approval-wanted')) return given.has(entry.key)
    return isEntry(entry, 'wait-start') && entry.body.topic !== undefined && topics.has(entry.body.topic)
  })
  return { answered, ...(times.length > 0 && { until: Math.min(...times) }) }
}
