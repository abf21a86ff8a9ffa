import type { CanonicalMessage } from './canonical.ts'

const SHOWN_LINES = 12
const MAX_LINE = 160

/** The recorded prompt that has the most lines in common with `asked`, compared by share; undefined where nothing is recorded. */
export function nearestPrompt<T extends { readonly prompt: readonly CanonicalMessage[] }>(
  recorded: readonly T[],
  asked: readonly CanonicalMessage[],
): T | undefined {
  const lines = linesOf(asked)
  let best: { record: T; score: number } | undefined
  for (const record of recorded) {
    const score = likeness(lines, linesOf(record.prompt))
    if (!best || score > best.score) best = { record, score }
  }
  return best?.record
}

/** Where two prompts part: `-` as recorded, `+` as asked now, without the lines they begin and end with in common. */
export function promptDiff(recorded: readonly CanonicalMessage[], asked: readonly CanonicalMessage[]): string {
  const before = linesOf(recorded)
  const now = linesOf(asked)
  let start = 0
  while (start < before.length && start < now.length && before[start] === now[start]) start++
  let end = 0
  while (end < before.length - start && end < now.length - start && before.at(-1 - end) === now.at(-1 - end)) end++
  const show = (sign: string, lines: readonly string[]): string[] => {
    const shown = lines.slice(0, SHOWN_LINES).map((line) => `${sign} ${line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line}`)
    return lines.length > SHOWN_LINES ? [...shown, `${sign} … ${lines.length - SHOWN_LINES} more lines`] : shown
  }
  const common = start > 0 ? [`  (${start} equal lines)`, `  ${before[start - 1]?.slice(0, MAX_LINE) ?? ''}`] : []
  return [...common, ...show('-', before.slice(start, before.length - end)), ...show('+', now.slice(start, now.length - end))].join('\n')
}

function linesOf(prompt: readonly CanonicalMessage[]): string[] {
  return prompt.flatMap(({ role, text }) => text.split('\n').map((line) => `${role}: ${line}`))
}

/** Twice the common lines over all lines (Sørensen–Dice), lines counted as often as they occur. */
function likeness(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1)
  let common = 0
  for (const line of b) {
    const left = counts.get(line) ?? 0
    if (left === 0) continue
    common += 1
    counts.set(line, left - 1)
  }
  return (2 * common) / (a.length + b.length)
}
