import type { JsonValue } from '../util/json.ts'
import type { JsonSchema } from './json-schema.ts'

/** The part of a document that a local reference such as `#/$defs/Bar` points to; undefined for foreign and broken ones. */
export function target(document: JsonSchema, pointer: string): JsonValue | undefined {
  if (pointer === '#') return document
  if (!pointer.startsWith('#/')) return undefined
  let node: JsonValue | undefined = document
  for (const part of pointer.slice(2).split('/')) {
    const key = unescapePointer(part)
    if (Array.isArray(node)) node = list(node)[Number(key)]
    else if (isNode(node) && Object.hasOwn(node, key)) node = node[key]
    else return undefined
  }
  return node
}

/** One part of a JSON pointer as the key it stands for (RFC 6901, in a URI fragment). */
export function unescapePointer(part: string): string {
  return decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
}

/** The elements of a JSON array; none for anything else. */
export function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

/** Whether a part of a document is an object: a schema rather than `true`, `false` or something else. */
export function isNode(value: JsonValue | undefined): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a value of any origin is an object with keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
