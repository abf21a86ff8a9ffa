import { codeAgent, toolAgent, type Agent, type Language } from 'troupe'
import { Answer } from './answer.ts'
import type { Prices } from './prices.ts'
import { listSymbols } from './tools/list-symbols.ts'
import { monthlyCloses } from './tools/monthly-closes.ts'
import { readReport } from './tools/read-report.ts'
import { saveChart } from './tools/save-chart.ts'
import { writeReport } from './tools/write-report.ts'

const METHOD = `A year's change goes from the last close of the year before to the last close of the year.
The first year of the data goes from its January close. A year without its December close, or begun after January, is incomplete: show it, do not rank it.`

interface CastOptions {
  readonly prices: Prices
  readonly outDir: string
  readonly language: Language
}

export interface Cast {
  readonly coder: Agent<unknown, 'coder'>
  readonly reporter: Agent<Answer, 'reporter'>
  readonly architect: Agent
  readonly reviewer: Agent
  readonly investigator: Agent
}

/** Who works at the desk. None names a model: whoever runs the desk gives it one. */
export function castOf({ prices, outDir, language }: CastOptions): Cast {
  const reading = [listSymbols(prices), monthlyCloses(prices)]
  return {
    coder: codeAgent({
      name: 'coder',
      version: '2.0.0',
      description: 'Looks prices up and computes with them.',
      instructions: `${METHOD}\nCompute every figure from the prices. Report what is odd in them as an anomaly, unless the investigator has looked into it.`,
      language,
      tools: reading,
      maxSteps: 8,
    }),
    reporter: codeAgent({
      name: 'reporter',
      version: '2.0.0',
      description: 'Draws the chart and writes the report from figures that are given.',
      instructions: `Use only figures that are given. Say in the report how they are made:\n${METHOD}`,
      language,
      tools: [saveChart(outDir), writeReport(outDir)],
      output: Answer,
      maxSteps: 6,
    }),
    architect: toolAgent({ name: 'architect', version: '2.0.0', description: 'Breaks the question into tasks.', maxSteps: 4 }),
    reviewer: codeAgent({
      name: 'reviewer',
      version: '2.0.0',
      description: 'Computes figures a second time, from the prices.',
      instructions: `${METHOD}\nWhat you are to review is the value \`view\`. Compute every figure again from the prices, and read the report that an answer names.`,
      language,
      tools: [...reading, readReport(outDir)],
      maxSteps: 6,
    }),
    investigator: codeAgent({
      name: 'investigator',
      version: '2.0.0',
      description: 'Looks into what is odd in the prices.',
      instructions: `${METHOD}\nWhat you are to look into is the value \`view\`. What the report must say about it, hand to its task: drop the task, and add one like it with \`given\`.`,
      language,
      tools: reading,
      maxSteps: 6,
    }),
  }
}
