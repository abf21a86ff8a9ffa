import { readFile } from 'node:fs/promises'

export interface Change {
  readonly symbol: string
  readonly year: number
  readonly changePercent: number
}

interface Found {
  readonly best: Change
  readonly worst: Change
  readonly all: readonly (Change & { readonly complete: boolean })[]
}

const DECEMBER = 11

/**
 * The figures by separate code, straight from the file: a table of closes by share, year and month (0 to 11), then each
 * year from the December before, or from its first month where there is none.
 */
export async function yearlyChanges(file: string): Promise<Found> {
  const closes: Record<string, Record<number, Record<number, number>>> = {}
  for (const line of (await readFile(file, 'utf8')).split('\n').slice(1)) {
    const [symbol = '', date = '', price] = line.split(',')
    const day = new Date(`${date} UTC`)
    closes[symbol] ??= {}
    closes[symbol][day.getUTCFullYear()] ??= {}
    closes[symbol][day.getUTCFullYear()]![day.getUTCMonth()] = Number(price)
  }
  const all: (Change & { complete: boolean })[] = []
  for (const [symbol, years] of Object.entries(closes)) {
    for (const [year, months] of Object.entries(years).map(([text, value]) => [Number(text), value] as const)) {
      const held = Object.keys(months).map(Number)
      const before = years[year - 1]?.[DECEMBER]
      const start = before ?? months[Math.min(...held)]!
      const end = months[Math.max(...held)]!
      const complete = months[DECEMBER] !== undefined && (before !== undefined || months[0] !== undefined)
      all.push({ symbol, year, changePercent: Math.round(((end - start) / start) * 10_000) / 100, complete })
    }
  }
  const ranked = all.filter(({ complete }) => complete).map(({ symbol, year, changePercent }) => ({ symbol, year, changePercent }))
  const best = ranked.reduce((most, row) => (row.changePercent > most.changePercent ? row : most))
  const worst = ranked.reduce((least, row) => (row.changePercent < least.changePercent ? row : least))
  return { best, worst, all }
}
