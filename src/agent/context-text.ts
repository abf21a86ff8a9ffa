import { jsonSchema } from '../schema/document.ts'
import { tool, type AnyTool } from '../tools/tool.ts'
import type { JsonObject } from '../util/json.ts'

/** Larger values of the context are cut in the task and read with a tool. Characters of JSON. */
const INLINE_CHARS = 2_048

/** The caller's values for an agent that has no variables: JSON after the task, long ones cut. Empty when there are none. */
export function contextAsText(context: JsonObject): string {
  const lines = Object.entries(context).flatMap(([name, value]) => {
    if (value === undefined) return []
    const text = JSON.stringify(value)
    if (text.length <= INLINE_CHARS) return [`${name}: ${text}`]
    return [
      `${name}: ${text.slice(0, INLINE_CHARS)}… (the first ${INLINE_CHARS} of ${text.length} characters; read the rest with readContext)`,
    ]
  })
  return lines.length === 0 ? '' : `Given with the task:\n${lines.join('\n')}`
}

/** The tool that reads the rest of long values; none when all fit. */
export function readContextTool(context: JsonObject): AnyTool | undefined {
  const isLong = Object.values(context).some((value) => value !== undefined && JSON.stringify(value).length > INLINE_CHARS)
  if (!isLong) return undefined
  return tool({
    name: 'readContext',
    description: 'Reads a part of a value that was given with the task, as JSON text.',
    effect: 'read',
    input: jsonSchema({
      type: 'object',
      properties: {
        key: { type: 'string', enum: Object.keys(context) },
        offset: { type: 'integer', minimum: 0, description: 'First character to read.' },
        length: { type: 'integer', minimum: 1, maximum: 16_384, description: 'Characters to read.' },
      },
      required: ['key', 'offset', 'length'],
      additionalProperties: false,
    }),
    run: ({ key, offset, length }) => JSON.stringify(context[key as string] ?? null).slice(Number(offset), Number(offset) + Number(length)),
  })
}
