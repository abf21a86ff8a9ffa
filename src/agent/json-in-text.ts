import type { JsonValue } from '../util/json.ts'

/** JSON that a model wrote among words, or what is wrong with it. */
export type FoundJson =
  | { readonly ok: true; readonly value: JsonValue; readonly before: string }
  | { readonly ok: false; readonly problem: string }

/**
 * Finds the first complete JSON object or array in a text, fenced or not; words before it are given back, words after
 * it are left out. A text that is a single JSON value counts as a whole.
 */
export function jsonIn(text: string): FoundJson {
  const trimmed = text.trim()
  const whole = JSON_BEGINS.test(trimmed) ? tryParse(trimmed) : NO_JSON
  if (whole.ok) return { ...whole, before: '' }
  let problem: string = NO_JSON.problem
  for (let start = nextOpening(text, 0); start >= 0; start = nextOpening(text, start + 1)) {
    const end = closingOf(text, start)
    const found = end < 0 ? { ok: false as const, problem: 'the JSON is cut off' } : tryParse(text.slice(start, end + 1))
    if (found.ok)
      return {
        ...found,
        before: text
          .slice(0, start)
          .replace(/```\w*\s*$/, '')
          .trim(),
      }
    problem = found.problem
    if (end > start) start = end
    else break
  }
  return { ok: false, problem }
}

/** What every JSON text begins with; trying to parse words costs more than looking. */
const JSON_BEGINS = /^(?:[[{"\d-]|true|false|null)/
const NO_JSON = { ok: false, problem: 'there is no JSON in the text' } as const

function nextOpening(text: string, from: number): number {
  const at = text.slice(from).search(/[{[]/)
  return at < 0 ? -1 : from + at
}

/** The place of the bracket that closes the one at `start`, strings skipped; -1 when it is missing. */
function closingOf(text: string, start: number): number {
  let depth = 0
  let inString = false
  for (let i = start; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) return i
  }
  return -1
}

function tryParse(text: string): { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly problem: string } {
  try {
    return { ok: true, value: JSON.parse(text) as JsonValue }
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : 'it cannot be read' }
  }
}
