import type { EventOf, RunEvent, RunSummary } from '../../client/event.ts'
import type { ErrorJson } from '../../errors/troupe-error.ts'
import { assertNever } from '../../util/assert-never.ts'
import type { JsonValue } from '../../util/json.ts'
import { cutLines, durationText, MAX_SHOWN, oneLine, plural, shortText, usageText, visible } from '../text.ts'
import type { Palette } from './palette.ts'

/** What a person reads of one event; none for what only programs want. Events of managed agents are named and set in. */
export function eventLines(event: RunEvent, palette: Palette): string[] {
  const lines = ownLines(event, palette)
  if (event.parentRunId === undefined) return lines
  return lines.flatMap((line) => (line === '' ? [] : `${palette.faint(`[${event.agent}]`)} ${line}`))
}

function ownLines(event: RunEvent, palette: Palette): string[] {
  const { title, faint, code, call, bad, ask } = palette
  switch (event.type) {
    case 'run-start':
      return [`${title(event.agent)} ${faint(event.runId)}`, ...block(event.task, '  '), '']
    case 'step-start':
      return [title(`step ${event.step}`)]
    case 'model-end':
      return block(prose(event.text), '  ') // an error of the model ends the run, and is told there
    case 'code':
      return block(event.code, faint('  │ ')).map((line) => code(line))
    case 'print':
      return cutLines(block(event.text, faint('  > ')))
    case 'tool-start':
      return [call(`  → ${event.tool} ${short(event.args)}`)]
    case 'tool-end':
      return [endOfCall(event, palette)]
    case 'agent-start':
      return [call(`  → ${event.agent} ${event.childRunId}`)]
    case 'agent-end':
      return [call(`  ← ${event.agent} ${event.status}`)]
    case 'approval-wanted':
      return [ask(`  ? ${event.callId}: ${oneLine(event.question, MAX_SHOWN)}`)]
    case 'approval-given':
      return [ask(`  ! ${event.callId}: ${event.decision} by ${oneLine(event.by)}`)]
    case 'step-end':
      return [
        ...(event.error === undefined ? [] : block(event.error, '  ').map((line) => bad(line))),
        faint(`  ${usageText(event.usage)}`),
        '',
      ]
    case 'policy':
      return event.decision === 'allow' ? [] : [ask(`  ${event.tool}: ${event.decision} (${oneLine(event.rule)})`)]
    case 'plan':
      return block(event.plan, faint('  plan ')).map((line) => visible(line))
    case 'state':
      return [faint(`  ${event.task === undefined ? '' : `${event.task}: `}${event.from} → ${event.to}: ${oneLine(event.why, MAX_SHOWN)}`)]
    case 'task-assigned':
      return [call(`  ⇒ ${event.task} to ${event.owner}${event.attempt === 1 ? '' : ` (attempt ${event.attempt})`}`)]
    case 'task-done':
      return [call(`  ⇐ ${event.task} done by ${event.owner}`)]
    case 'task-rejected':
      return event.reasons.map((reason) => bad(`  ✗ ${event.task} of ${event.owner}: ${oneLine(reason, MAX_SHOWN)}`))
    case 'log':
      return [faint(`  ${event.level}: ${oneLine(event.message)}`)]
    case 'run-waiting':
      return waitingLines(event, palette)
    case 'run-end':
      return endLines(event, palette)
    case 'budget':
    case 'model-delta':
      return []
    default:
      return assertNever(event)
  }
}

function endOfCall({ tool, output, error, durationMs }: EventOf<'tool-end'>, { call, bad, faint }: Palette): string {
  const time = faint(` ${durationText(durationMs)}`)
  if (error) return `${bad(`  ← ${tool} ${oneLine(`${error.name}: ${error.message}`, MAX_SHOWN)}`)}${time}`
  return `${call(`  ← ${tool} ${short(output ?? null)}`)}${time}`
}

function waitingLines(event: EventOf<'run-waiting'>, { ask }: Palette): string[] {
  if (event.parentRunId !== undefined) return []
  return [
    ask(`waiting: ${summaryText(event)}`),
    ...event.waits.map((wait) => ask(`  ${wait.callId} (${wait.reason}) ${oneLine(wait.question, MAX_SHOWN)}`)),
  ]
}

/** The end of the root is the answer; that of a managed agent is a line on the way. */
function endLines(event: EventOf<'run-end'>, { good, bad }: Palette): string[] {
  const paint = event.status === 'done' ? good : bad
  const head = paint(`${event.status}: ${summaryText(event)}`)
  const why = event.error ? errorLines(event.error).map((line) => bad(line)) : []
  if (event.parentRunId !== undefined) return [head, ...why]
  return [head, ...why, ...(event.status === 'done' || event.output !== null ? [shortText(event.output)] : [])]
}

function summaryText({ steps, usage }: RunSummary): string {
  return `${plural(steps, 'step')}, ${usageText(usage)}`
}

/** Some messages have several lines, such as where a prompt and a tape part. */
function errorLines({ code, message }: ErrorJson): string[] {
  return cutLines(visible(`${code}: ${message}`).trimEnd().split('\n'))
}

/** A model's answer without its code, which has lines of its own. */
function prose(text: string): string {
  return text
    .replaceAll(/```[^\n]*\n[^]*?(?:```|$)/g, '')
    .replaceAll(/<code>[^]*?(?:<\/code>|$)/g, '')
    .trim()
}

function short(value: JsonValue): string {
  return oneLine(JSON.stringify(value), MAX_SHOWN)
}

function block(text: string, margin: string): string[] {
  const shown = visible(text).trimEnd()
  return shown === '' ? [] : shown.split('\n').map((line) => `${margin}${line}`)
}
