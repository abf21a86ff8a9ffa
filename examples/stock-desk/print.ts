import type { RunEvent } from 'troupe'
import type { Answer } from './answer.ts'

const MAX_WIDTH = 150

/** One event of a run as plain lines: the states of the run at the margin, those of its tasks and what is done for them below. */
export function linesOf(event: RunEvent): readonly string[] {
  switch (event.type) {
    case 'state':
      if (event.task === undefined) return ['', short(`${event.from} → ${event.to}: ${event.why}`)]
      return [short(`  ${event.task}: ${event.from} → ${event.to}: ${event.why}`)]
    case 'plan':
      return indented(event.plan, '  plan: ').map(short)
    case 'task-assigned':
      return ['', `  ${event.task} is given to ${event.owner}${event.attempt === 1 ? '' : `, attempt ${event.attempt}`}`]
    case 'task-done':
      return [`  ${event.task} is done by ${event.owner}`]
    case 'task-rejected':
      return [`  ${event.task} is turned down:`, ...event.reasons.flatMap((reason) => indented(reason, '    ! '))]
    case 'model-end':
      return said(event.text) === '' ? [] : indented(said(event.text), `    ${event.agent}: `)
    case 'code':
      return [`    ${event.agent} runs ${event.code.split('\n').length} lines of code in the sandbox (${event.isolation})`]
    case 'tool-start':
      return [short(`    ${event.agent} calls ${event.tool} ${JSON.stringify(event.args)}`)]
    case 'print':
      return indented(event.text, '    | ').map(short)
    case 'step-end':
      return event.error === undefined ? [] : indented(event.error, '    ! ').map(short)
    default:
      return []
  }
}

/** What was found, and where it is written. */
export function linesOfAnswer({ best, worst, gaps, report, chart }: Answer): readonly string[] {
  return [
    '',
    `Best    ${yearOf(best)}`,
    `Worst   ${yearOf(worst)}`,
    ...gaps.map((gap) => `Missing ${gap}`),
    `Report  ${report}`,
    `Chart   ${chart}`,
  ]
}

function yearOf({ symbol, year, changePercent }: Answer['best']): string {
  return `${symbol} in ${year}, ${changePercent < 0 ? '−' : '+'}${Math.abs(changePercent).toFixed(1)} %`
}

/** What a model says in words: neither its code nor an answer that is data. */
function said(text: string): string {
  const words = (text.split('```')[0] ?? '').trim()
  return words.startsWith('{') ? '' : words
}

function indented(text: string, mark: string): readonly string[] {
  return text === '' ? [] : text.split('\n').map((line) => mark + line)
}

function short(line: string): string {
  return line.length <= MAX_WIDTH ? line : `${line.slice(0, MAX_WIDTH - 1)}…`
}
