import { team, type Agent, type Language } from 'troupe'
import { Answer, ranksItsTable } from './answer.ts'
import { castOf } from './cast.ts'
import type { Prices } from './prices.ts'

export const QUESTION =
  'Which of the five shares had the best year and which the worst, of all the years with prices? Give the yearly figures, a chart and a report.'

const CRITERIA: readonly string[] = [
  'The figure of each share and year goes from the last close of the year before to the last close of the year; the first year of the data goes from its January close.',
  'The best and the worst are complete years: a year without its December close, or begun after January, is shown and not ranked.',
  'A report has all the figures, a chart, and what is missing in the prices.',
]

export interface StockDeskOptions {
  readonly prices: Prices
  /** Where the report and the charts are written. */
  readonly outDir: string
  /** In which code is written. Default `typescript`. */
  readonly language?: Language
  /** Where the members run: `queued`, or a remote agent of the same name. Default: here. */
  readonly place?: (member: Agent) => Agent
}

/** The desk: a coder and a reporter do the tasks of an architect's plan; a reviewer and an investigator watch over them. */
export function stockDesk({
  prices,
  outDir,
  language = 'typescript',
  place = (member) => member,
}: StockDeskOptions): Agent<Answer, 'desk'> {
  const { coder, reporter, architect, reviewer, investigator } = castOf({ prices, outDir, language })
  return team({
    name: 'desk',
    version: '2.0.0',
    description: 'Answers questions about share prices, with figures, a chart and a report.',
    agents: [place(coder), place(reporter)],
    architect,
    reviewer,
    investigator,
    criteria: CRITERIA,
    output: Answer,
    checks: [ranksItsTable],
    askUser: false,
  })
}
