import type { RunEvent } from 'troupe'
import type { Answer } from './stock-desk.ts'

const MAX_WIDTH = 140

/** One event of a run as plain lines; most say nothing. */
export function linesOf(event: RunEvent): readonly string[] {
  switch (event.type) {
    case 'step-start':
      return ['', `Step ${event.step}`]
    case 'model-end':
      return indented((event.text.split('```')[0] ?? '').trim(), '  ')
    case 'code':
      return [`  runs ${event.code.split('\n').length} lines of code in the sandbox (${event.isolation})`]
    case 'tool-start':
      return [short(`  calls ${event.tool} ${JSON.stringify(event.args)}`)]
    case 'print':
      return indented(event.text, '  | ').map(short)
    case 'step-end':
      return event.error === undefined ? [] : indented(event.error, '  ! ').map(short)
    default:
      return []
  }
}

/** What was found, and where it is written. */
export function linesOfAnswer({ best, worst, report, chart }: Answer): readonly string[] {
  return ['', `Best    ${yearOf(best)}`, `Worst   ${yearOf(worst)}`, `Report  ${report}`, `Chart   ${chart}`]
}

function yearOf({ symbol, year, changePercent }: Answer['best']): string {
  return `${symbol} in ${year}, ${changePercent < 0 ? '−' : '+'}${Math.abs(changePercent).toFixed(1)} %`
}

function indented(text: string, mark: string): readonly string[] {
  return text === '' ? [] : text.split('\n').map((line) => mark + line)
}

function short(line: string): string {
  return line.length <= MAX_WIDTH ? line : `${line.slice(0, MAX_WIDTH - 1)}…`
}
