import type { JsonValue } from './json.ts'

const plain = Object.prototype
/** Deeper values, and cycles among them, are left to JSON itself. */
const MAX_DEPTH = 50
/** Said of a value that JSON would change or refuse. */
const NOT_PLAIN: unique symbol = Symbol('not plain')

/**
 * The same as `JSON.parse(JSON.stringify(value))`, and null for what has no JSON, at a fraction of the cost for values that
 * consist of JSON already. Throws what `JSON.stringify` throws.
 */
export function jsonCopy(value: unknown): JsonValue {
  const copy = copyOf(value, 0)
  return copy === NOT_PLAIN ? (JSON.parse(JSON.stringify(value) ?? 'null') as JsonValue) : copy
}

function copyOf(value: unknown, depth: number): JsonValue | typeof NOT_PLAIN {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value + 0 : NOT_PLAIN // JSON knows no -0.
    case 'object':
      return value === null ? null : copyOfObject(value, depth + 1)
    default:
      return NOT_PLAIN
  }
}

function copyOfObject(value: object, depth: number): JsonValue | typeof NOT_PLAIN {
  if (depth > MAX_DEPTH || 'toJSON' in value) return NOT_PLAIN
  if (Array.isArray(value)) return copyOfList(value, depth)
  if (Object.getPrototypeOf(value) !== plain) return NOT_PLAIN
  const copy: Record<string, JsonValue> = {}
  for (const key of Object.keys(value)) {
    if (key in plain) return NOT_PLAIN // `__proto__`, and what cannot be assigned where prototypes are frozen.
    const item = copyOf((value as Readonly<Record<string, unknown>>)[key], depth)
    if (item === NOT_PLAIN) return NOT_PLAIN
    copy[key] = item
  }
  return copy
}

function copyOfList(list: readonly unknown[], depth: number): JsonValue | typeof NOT_PLAIN {
  const copy: JsonValue[] = []
  for (let i = 0; i < list.length; i++) {
    const item = copyOf(list[i], depth)
    if (item === NOT_PLAIN) return NOT_PLAIN
    copy.push(item)
  }
  return copy
}
