/** A new id of a run: sorts by time, has no `-` (which parts a child's id from its parent's) and 50 random bits. */
export function newRunId(now: number): string {
  const random = crypto.getRandomValues(new Uint32Array(2))
  const tail = ((random[0] ?? 0) * 2 ** 18 + ((random[1] ?? 0) >>> 14)).toString(36).padStart(10, '0')
  return `r${now.toString(36).padStart(9, '0')}${tail}`
}

/** The id of the run that a call of `parent` starts: the same on every resume. */
export function childRunId(parent: string, key: string): string {
  return `${parent}-${key}`
}

/** Whether `run` is `root` or was started somewhere below it. */
export function isInTree(run: string, root: string): boolean {
  return run === root || run.startsWith(`${root}-`)
}

/** The id of the run at the top of the tree. */
export function rootOf(run: string): string {
  const end = run.indexOf('-')
  return end < 0 ? run : run.slice(0, end)
}

/** A run and the runs above it, from the nearest to the root. */
export function lineOf(run: string): readonly string[] {
  const end = run.lastIndexOf('-')
  return end < 0 ? [run] : [run, ...lineOf(run.slice(0, end))]
}
