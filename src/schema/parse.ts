import type { StandardSchemaV1 } from '@standard-schema/spec'
import { messageOf } from '../errors/troupe-error.ts'

/** One thing that is wrong with a value, and where. */
export interface Issue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export type ParseResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly Issue[] }

/**
 * Checks a value against a schema and gives what the schema makes of it. Answers at once, without a promise, when the
 * schema is synchronous; so `await parse(…)`. Never throws: a check of the schema that throws becomes an issue.
 */
export function parse<Schema extends StandardSchemaV1>(
  schema: Schema,
  value: unknown,
): ParseResult<StandardSchemaV1.InferOutput<Schema>> | Promise<ParseResult<StandardSchemaV1.InferOutput<Schema>>> {
  try {
    const result = schema['~standard'].validate(value)
    return result instanceof Promise ? result.then(toParseResult, thrown) : toParseResult(result)
  } catch (error) {
    return thrown(error)
  }
}

/** Plain arrays throughout: ArkType's own kinds of them would not be equal to what comes back from a log. */
function toParseResult<T>(result: StandardSchemaV1.Result<T>): ParseResult<T> {
  if (result.issues === undefined) return { ok: true, value: result.value }
  return { ok: false, issues: Array.from(result.issues, ({ path, message }) => ({ path: Array.from(path ?? [], toKey), message })) }
}

function toKey(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof segment === 'object' ? segment.key : segment
  return typeof key === 'symbol' ? String(key) : key
}

function thrown(error: unknown): { readonly ok: false; readonly issues: readonly Issue[] } {
  return { ok: false, issues: [{ path: [], message: `the check threw: ${messageOf(error)}` }] }
}
