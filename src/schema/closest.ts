/** The name most like a wrong one, or undefined when none is near enough to be meant. Case and separators do not count. */
export function closest(wrong: string, names: Iterable<string>): string | undefined {
  const plain = fold(wrong)
  let best: string | undefined
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1
  for (const name of names) {
    const cost = distance(plain, fold(name), least)
    if (cost < least) [best, least] = [name, cost]
  }
  return best
}

function fold(name: string): string {
  return name
    .slice(0, 100)
    .toLowerCase()
    .replaceAll(/[_\-\s]/g, '')
}

/** Edits between two words with swaps of neighbours as one (optimal string alignment); gives `limit` when it is not less. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    ;[before, last] = [last, row]
  }
  return Math.min(limit, last[b.length] ?? limit)
}
