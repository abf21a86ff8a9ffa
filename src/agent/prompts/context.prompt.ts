import type { JsonObject, JsonValue } from '../../util/json.ts'
import { cutMiddle } from '../../util/cut-middle.ts'

const MAX_PREVIEW = 300

/** Tells the model which global variables its caller has set: name, type, and how the value begins. Empty when there are none. */
export function contextPrompt(context: JsonObject): string {
  const lines = Object.entries(context).flatMap(([name, value]) =>
    value === undefined ? [] : [`- ${name}: ${typeOf(value)} = ${preview(value)}`],
  )
  return lines.length === 0 ? '' : `These global variables are set for your code:\n${lines.join('\n')}`
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'empty array' : `array of ${value.length}, each ${typeOf(value[0] ?? null)}`
  if (typeof value !== 'object') return typeof value
  const keys = Object.keys(value)
  return `object with ${keys.length > 12 ? `${keys.length} keys, such as ${keys.slice(0, 12).join(', ')}` : `keys ${keys.join(', ')}`}`
}

function preview(value: JsonValue): string {
  return cutMiddle(JSON.stringify(value), MAX_PREVIEW).replaceAll('\n', ' ')
}
