import { z } from 'zod'

export interface YearOfShare {
  readonly symbol: string
  readonly year: number
  readonly changePercent: number
}

/** What the desk answers: the finding, the figures it rests on, what the prices lack, and where the files are. */
export interface Answer {
  readonly best: YearOfShare
  readonly worst: YearOfShare
  readonly table: readonly (YearOfShare & { readonly complete: boolean })[]
  readonly gaps: readonly string[]
  readonly report: string
  readonly chart: string
}

const YearOfShare = z.object({ symbol: z.string(), year: z.number().int(), changePercent: z.number() })
export const Answer: z.ZodType<Answer> = z.object({
  best: YearOfShare,
  worst: YearOfShare,
  table: z.array(YearOfShare.extend({ complete: z.boolean().describe('incomplete years do not count for best and worst') })),
  gaps: z.array(z.string()).describe('what is missing in the prices; the report says it too'),
  report: z.string().describe('path of the report'),
  chart: z.string().describe('path of the chart'),
})

/** Code holds the answer against itself, whatever the models have agreed on. */
export function ranksItsTable({ best, worst, table }: Answer): string | true {
  const changes = table.filter(({ complete }) => complete).map(({ changePercent }) => changePercent)
  if (best.changePercent !== Math.max(...changes)) return `the best complete year of the table has ${Math.max(...changes)} %`
  if (worst.changePercent !== Math.min(...changes)) return `the worst complete year of the table has ${Math.min(...changes)} %`
  const isThere = (row: YearOfShare): boolean => table.some(({ symbol, year }) => symbol === row.symbol && year === row.year)
  return (isThere(best) && isThere(worst)) || 'the best and the worst year must be rows of the table'
}
