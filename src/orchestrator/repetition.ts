import type { JsonValue } from '../util/json.ts'

/** Notices over a whole run that the same was tried again: the same task with the same output, turned down for the same. */
export class Repetition {
  readonly #seen = new Set<string>()
  readonly #isOn: boolean

  constructor(isOn = true) {
    this.#isOn = isOn
  }

  /** Whether this has been seen before. Objectives count, not ids: a new plan that asks for the same under another name repeats as well. */
  isRepeated(objective: string, output: JsonValue | undefined, defect: readonly string[]): boolean {
    const mark = JSON.stringify([plain(objective), defect.map(plain), canonical(output ?? null)])
    if (this.#seen.has(mark)) return this.#isOn
    this.#seen.add(mark)
    return false
  }
}

/** Words alone: case, spaces and punctuation at the ends make no difference. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/^[\s.,;:!"']+|[\s.,;:!"']+$/g, '')
}

/** The same JSON whatever the order of its keys; texts as their words. */
function canonical(value: JsonValue): JsonValue {
  if (typeof value === 'string') return plain(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(canonical)
  const entries = Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, canonical(item)] as const]))
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
