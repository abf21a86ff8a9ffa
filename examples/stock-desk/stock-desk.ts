import { codeAgent, type Agent, type Language } from 'troupe'
import { z } from 'zod'
import type { Prices } from './prices.ts'
import { listSymbols } from './tools/list-symbols.ts'
import { monthlyCloses } from './tools/monthly-closes.ts'
import { saveChart } from './tools/save-chart.ts'
import { writeReport } from './tools/write-report.ts'

export const QUESTION =
  'Which of the five shares had the best year and which the worst, of all the years with prices? Give the yearly figures, a chart and a report.'

export interface YearOfShare {
  readonly symbol: string
  readonly year: number
  readonly changePercent: number
}

/** What the desk answers: the finding, the figures it rests on, and where the files are. */
export interface Answer {
  readonly best: YearOfShare
  readonly worst: YearOfShare
  readonly table: readonly (YearOfShare & { readonly complete: boolean })[]
  readonly report: string
  readonly chart: string
}

const YearOfShare = z.object({ symbol: z.string(), year: z.number().int(), changePercent: z.number() })
const Answer: z.ZodType<Answer> = z.object({
  best: YearOfShare,
  worst: YearOfShare,
  table: z.array(YearOfShare.extend({ complete: z.boolean().describe('incomplete years do not count for best and worst') })),
  report: z.string().describe('path of the report'),
  chart: z.string().describe('path of the chart'),
})

const INSTRUCTIONS = `A year's change goes from the last close of the year before to the last close of the year.
The first year of the data goes from its January close. A year without its December close, or begun after January, is incomplete: show it, do not rank it.
State this in the report. Compute every figure from the prices, and check the figures in another way before you report them.`

export interface StockDeskOptions {
  readonly prices: Prices
  /** Where the report and the charts are written. */
  readonly outDir: string
  /** In which the analyst writes. Default `typescript`. */
  readonly language?: Language
}

/** One analyst for now. It names no model: whoever runs it gives it one. */
export function stockDesk({ prices, outDir, language = 'typescript' }: StockDeskOptions): Agent<Answer> {
  return codeAgent({
    name: 'analyst',
    version: '1.0.0',
    description: 'Answers questions about share prices, with figures, a chart and a report.',
    instructions: INSTRUCTIONS,
    language,
    tools: [listSymbols(prices), monthlyCloses(prices), saveChart(outDir), writeReport(outDir)],
    output: Answer,
    maxSteps: 12,
  })
}
