import type { Usage } from '../client/usage.ts'
import { messageOf } from '../errors/troupe-error.ts'
import type { JsonValue } from '../util/json.ts'

/**
 * Text of a model, a tool or a file as a terminal may have it: control characters could move the cursor or forge what
 * an approval shows, so all but line breaks and tabs are made visible.
 */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(HIDDEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

// Controls, and marks that turn the direction of writing.
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu

/** What a view shows of one value or question, in characters. */
export const MAX_SHOWN = 300

/** One line: breaks become spaces, and what is longer than `max` is cut. */
export function oneLine(text: string, max: number = Infinity): string {
  const line = visible(text).replaceAll(/\s+/g, ' ').trim()
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`
}

/** An error, or its message, as the one line that stderr gets. */
export function errorLine(error: unknown): string {
  return `troupe: ${oneLine(typeof error === 'string' ? error : messageOf(error))}`
}

/** Text as it is, other values as JSON over several lines. */
export function valueText(value: JsonValue): string {
  return visible(typeof value === 'string' ? value : JSON.stringify(value, null, 2))
}

/** What a view shows of one text, in lines. */
const MAX_LINES = 40

/** Cuts what is too long for a view in its middle, and says so. */
export function cutLines(lines: readonly string[], max: number = MAX_LINES): string[] {
  if (lines.length <= max) return [...lines]
  const half = Math.floor(max / 2)
  const left = lines.length - 2 * half
  return [...lines.slice(0, half), `… ${count(left)} lines left out, --json shows all …`, ...lines.slice(-half)]
}

/** What a view shows of one line of a value, in characters. */
const MAX_LINE = 10_000

/** A value for people: text as it is, other values as JSON over several lines, cut in the middle where it is long. */
export function shortText(value: JsonValue): string {
  return cutLines(valueText(value).split('\n').map(cutLine)).join('\n')
}

function cutLine(line: string): string {
  if (line.length <= MAX_LINE) return line
  const half = MAX_LINE / 2
  return `${line.slice(0, half)} … ${count(line.length - MAX_LINE)} characters left out, --json shows all … ${line.slice(-half)}`
}

/** `1,234 tokens in, 56 out, $0.0012`; the cost only where it is known. */
export function usageText({
  inputTokens,
  outputTokens,
  costUsd,
}: Pick<Usage, 'inputTokens' | 'outputTokens'> & { costUsd?: number | null }): string {
  const cost = costUsd === undefined || costUsd === null ? '' : `, ${costText(costUsd)}`
  return `${count(inputTokens)} tokens in, ${count(outputTokens)} out${cost}`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`
}

/** Columns by their widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((widest, row) => row.map((cell, at) => Math.max(widest[at] ?? 0, cell.length)), [])
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

function costText(costUsd: number): string {
  return `$${costUsd === 0 || costUsd >= 0.01 ? costUsd.toFixed(2) : costUsd.toPrecision(2)}`
}
