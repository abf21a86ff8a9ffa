import { closest } from '../schema/closest.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import type { Issue } from '../schema/parse.ts'
import { shapeOf } from '../schema/read-shape.ts'
import { resolveShape } from '../schema/shape.ts'
import type { AnyTool } from './tool.ts'

const closedKeys = new WeakMap<AnyTool, readonly string[] | null>()

/** Top-level keys of the arguments that the schema does not name, as issues; none for a schema that is open or is not one object. */
export function unknownKeys(tool: AnyTool, value: unknown): readonly Issue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  let known = closedKeys.get(tool)
  if (known === undefined) closedKeys.set(tool, (known = namedKeys(tool)))
  const names = known
  if (names === null) return []
  return Object.keys(value).flatMap((key) => (names.includes(key) ? [] : [{ path: [key], message: stranger(key, names, value) }]))
}

function namedKeys(tool: AnyTool): readonly string[] | null {
  const document = shapeOf(jsonSchemaOf(tool.input, 'input', 'code'))
  const root = resolveShape(document, document.root)
  return root.type === 'object' && root.rest === null ? root.properties.map((property) => property.name) : null
}

function stranger(key: string, names: readonly string[], value: object): string {
  const near = closest(
    key,
    names.filter((name) => !Object.hasOwn(value, name)),
  )
  return near === undefined ? 'there is no such key' : `there is no such key; did you mean '${near}'?`
}

/** Whether an issue is what a strict schema says about the same keys, in its own words. */
export function isAboutKeys(issue: Issue, strangers: readonly Issue[]): boolean {
  return strangers.some(
    ({ path: [key] }) =>
      (issue.path.length === 0 && /unrecognized|unknown|undeclared/i.test(issue.message) && issue.message.includes(String(key))) ||
      (issue.path.length === 1 && issue.path[0] === key),
  )
}
