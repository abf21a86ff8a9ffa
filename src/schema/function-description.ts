import type { JsonValue } from '../util/json.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Notes } from './shape.ts'

/** A function as a prompt shows it, in either language. */
export interface FunctionDescription {
  readonly name: string
  readonly description: string
  /** Schema of the one argument, an object as a rule. */
  readonly input: JsonSchema
  /** Schema of the result; unknown without it. */
  readonly output?: JsonSchema | undefined
  /** What it must not be used for. */
  readonly notFor?: string | undefined
  /** Arguments that work. */
  readonly examples?: readonly unknown[] | undefined
}

/** Prefix for the named types of a function: `saveTree` gives `SaveTree`. */
export function typePrefix(functionName: string): string {
  return functionName.charAt(0).toUpperCase() + functionName.slice(1)
}

/** Lines of text for a doc comment: trimmed, without empty lines at the ends. */
export function textLines(text: string): string[] {
  return text
    .trim()
    .split(/\r\n|[\n\r\u2028\u2029\v\f]/u)
    .map((line) => line.trimEnd())
}

/** Description and rules as one text for a comment; `preset` prints a default value in the language at hand. */
export function noteText(notes: Notes, preset?: (value: NonNullable<Notes['default']> | null) => string): string {
  const rules = notes.default === undefined || preset === undefined ? notes.rules : [...notes.rules, `default ${preset(notes.default)}`]
  const limits = rules.join(', ')
  if (notes.description === undefined) return limits
  return limits === '' ? notes.description : `${notes.description.replace(/\.$/, '')} (${limits})`
}

/** An example as JSON: a date becomes its ISO text, a bigint its digits, what has no text is left out. */
export function plainExample(example: unknown): JsonValue {
  const text: string | undefined = JSON.stringify(example, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  return text === undefined ? {} : (JSON.parse(text) as JsonValue)
}
