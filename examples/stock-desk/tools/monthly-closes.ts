import { tool, type AnyTool } from 'troupe'
import { z } from 'zod'
import type { Close, Prices } from '../prices.ts'

const Month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'a month is written YYYY-MM')
const Closes = z.object({
  symbol: z.string(),
  rows: z.array(z.object({ month: z.string(), close: z.number() })),
  note: z.string().nullable().describe('what of the range has no prices'),
})

/** Prices of one share. Months without a price are named in `note`, never filled in. */
export function monthlyCloses(prices: Prices): AnyTool {
  return tool({
    name: 'monthlyCloses',
    description: 'Monthly closing prices of one share in USD, oldest first, from one month to another, both included.',
    effect: 'read',
    input: z.object({ symbol: z.string().max(6), from: Month, to: Month }),
    output: Closes,
    examples: [{ symbol: 'IBM', from: '2001-01', to: '2001-12' }],
    run: ({ symbol, from, to }) => {
      if (from > to) throw new Error(`from ${from} comes after to ${to}`)
      const all = prices.get(symbol.toUpperCase())
      if (!all) throw new Error(`no share ${symbol}: there are ${[...prices.keys()].join(', ')}`)
      const rows = all.filter(({ month }) => month >= from && month <= to)
      return { symbol: symbol.toUpperCase(), rows, note: gaps(all, from, to) }
    },
  })
}

function gaps(all: readonly Close[], from: string, to: string): string | null {
  const first = all.at(0)?.month ?? ''
  const last = all.at(-1)?.month ?? ''
  const notes = [from < first && `no prices before ${first}`, to > last && `no prices after ${last}`].filter((note) => note !== false)
  return notes.length === 0 ? null : notes.join('; ')
}
