import type { Entry } from '../client/entry.ts'

/** What was in the log at a crash must stand there unchanged at the end. */
export function changedEntries(before: readonly Entry[], after: readonly Entry[]): readonly string[] {
  const later = new Map(after.map((entry) => [`${entry.run} ${entry.seq}`, JSON.stringify(entry)]))
  return before.flatMap((entry) =>
    later.get(`${entry.run} ${entry.seq}`) === JSON.stringify(entry) ? [] : [`entry ${entry.run} ${entry.seq} ${entry.type} was changed`],
  )
}

/** Keys that are in the log twice with the same type. */
export function repeatedKeys(entries: readonly Entry[]): readonly string[] {
  const seen = new Set<string>()
  return entries.flatMap((entry) => {
    const name = `${entry.run} ${entry.type} ${entry.key}`
    if (entry.key === undefined) return []
    if (seen.has(name)) return [`${name} is in the log twice`]
    seen.add(name)
    return []
  })
}

/**
 * The first difference between two logs of the same task, without what a crash may change: times, owners, ids, and
 * that the run waited, or had to ask whether an interrupted call had happened.
 */
export function firstDifference(golden: readonly Entry[], entries: readonly Entry[]): readonly string[] {
  const expected = golden.filter(isOfTheRun).map(timeless)
  const actual = entries.filter(isOfTheRun).map(timeless)
  const at = Array.from({ length: Math.max(expected.length, actual.length) }, (_, i) => i).find((i) => expected[i] !== actual[i])
  return at === undefined ? [] : [`entry ${at + 1} is ${actual[at] ?? 'missing'} instead of ${expected[at] ?? 'nothing'}`]
}

function isOfTheRun(entry: Entry): boolean {
  return entry.type !== 'run-waiting' && entry.type !== 'tool-again' && !/\.outcome(\.\d+)?$/.test(entry.key ?? '')
}

function timeless({ run, key, type, body }: Entry): string {
  const root = run.split('-')[0] ?? run
  // A wait names the seq of what ended it, which a further `run-waiting` shifts.
  const isOfTheLog = (name: string): boolean => name === 'durationMs' || (name === 'from' && type === 'wait-end')
  const text = JSON.stringify({ run, key, type, body }, (name, value: unknown) => (isOfTheLog(name) ? 0 : value))
  return text.replaceAll(root, 'RUN')
}
