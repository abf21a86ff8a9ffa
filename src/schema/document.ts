import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Issue } from './parse.ts'
import { isNode, isRecord, list, target } from './pointer.ts'

/** A JSON Schema document as a schema: it checks values and shows itself to models. */
export interface DocumentSchema<T> extends StandardSchemaV1<T> {
  readonly '~standard': StandardSchemaV1.Props<T> & StandardJSONSchemaV1.Props<T>
}

/** Parts looked at for one value; a schema that refers to itself over and over would else be checked for years. */
const MOST_CHECKS = 1_000_000

/**
 * A schema from a plain JSON Schema, for tools that are described elsewhere (MCP, OpenAPI). It checks `type`, `enum`,
 * `const`, `required`, `properties`, `additionalProperties`, `items`, `prefixItems`, `anyOf`, `oneOf` (as any of),
 * `allOf`, local `$ref`, and the limits of numbers, texts and lists. Other keywords (`format`, `pattern`, `not`, `if`) are
 * shown but not checked: the far end does. Values pass unchanged; defaults are not filled in.
 */
export function jsonSchema(document: JsonSchema): DocumentSchema<JsonObject> {
  const own = (): Record<string, unknown> => document
  return {
    '~standard': {
      version: 1,
      vendor: 'troupe',
      validate: (value) => {
        const issues = check(value, document, { document, path: [], references: [], work: { done: 0 } })
        return issues.length === 0 ? { value: value as JsonObject } : { issues }
      },
      jsonSchema: { input: own, output: own },
    },
  }
}

interface Place {
  readonly document: JsonSchema
  readonly path: Issue['path']
  /** Followed on the way to this part without going deeper into the value: following one again would lead in a circle. */
  readonly references: readonly string[]
  readonly work: { done: number }
}

function check(value: unknown, schema: JsonValue | undefined, place: Place): Issue[] {
  if (schema === false) return [issue(place, 'nothing is allowed here')]
  if (!isNode(schema)) return []
  if (++place.work.done > MOST_CHECKS)
    throw new TroupeError('schema/invalid', 'the JSON Schema branches into itself too often to be checked')
  const wrongType = checkType(value, schema, place) ?? checkValue(value, schema, place)
  if (wrongType) return [wrongType]
  const issues = list(schema['allOf']).flatMap((part) => check(value, part, place))
  if (typeof schema['$ref'] === 'string') issues.push(...checkReference(value, schema['$ref'], place))
  for (const options of [list(schema['anyOf']), list(schema['oneOf'])]) issues.push(...checkOptions(value, options, place))
  if (typeof value === 'number') issues.push(...limits(value, schema, place))
  if (typeof value === 'string') issues.push(...size(Array.from(value).length, schema, 'Length', 'characters', place))
  if (Array.isArray(value)) issues.push(...size(value.length, schema, 'Items', 'items', place), ...checkItems(value, schema, place))
  if (isRecord(value)) issues.push(...checkProperties(value, schema, place))
  return issues
}

function checkType(value: unknown, schema: JsonSchema, place: Place): Issue | undefined {
  const names = (typeof schema['type'] === 'string' ? [schema['type']] : list(schema['type'])).filter((name) => typeof name === 'string')
  if (names.length === 0 || names.some((name) => hasType(value, name)) || (schema['nullable'] === true && value === null)) return undefined
  return issue(place, `expected ${names.join(' or ')}, received ${nameOf(value)}`)
}

function checkValue(value: unknown, schema: JsonSchema, place: Place): Issue | undefined {
  const allowed = schema['const'] !== undefined ? [schema['const']] : Array.isArray(schema['enum']) ? list(schema['enum']) : undefined
  if (allowed === undefined || allowed.some((one) => isEqual(one, value))) return undefined
  return issue(place, `expected ${allowed.map((one) => JSON.stringify(one)).join(' or ')}`)
}

function checkReference(value: unknown, pointer: string, place: Place): Issue[] {
  if (place.references.includes(pointer)) return []
  return check(value, target(place.document, pointer), { ...place, references: [...place.references, pointer] })
}

/** The issues of the option that is least wrong, so that a model learns what to change. */
function checkOptions(value: unknown, options: readonly JsonValue[], place: Place): Issue[] {
  let best: Issue[] = []
  for (const option of options) {
    const issues = check(value, option, place)
    if (issues.length === 0) return []
    if (best.length === 0 || weight(issues, place) < weight(best, place)) best = issues
  }
  return best
}

function weight(issues: readonly Issue[], { path }: Place): number {
  return issues.reduce((sum, one) => sum + (one.path.length === path.length ? 10 : 1), 0)
}

function checkItems(value: readonly unknown[], schema: JsonSchema, place: Place): Issue[] {
  const isOld = Array.isArray(schema['items'])
  const front = isOld ? list(schema['items']) : list(schema['prefixItems'])
  const rest = isOld ? schema['additionalItems'] : schema['items']
  return value.flatMap((item, at) => check(item, at < front.length ? front[at] : rest, inside(place, at)))
}

function checkProperties(value: Readonly<Record<string, unknown>>, schema: JsonSchema, place: Place): Issue[] {
  const properties = isNode(schema['properties']) ? schema['properties'] : {}
  const missing = list(schema['required'])
    .filter((key) => typeof key === 'string')
    .filter((key) => !Object.hasOwn(value, key))
  const rest = isNode(schema['patternProperties']) ? undefined : schema['additionalProperties']
  return [
    ...missing.map((key) => issue(inside(place, key), 'is required')),
    ...Object.entries(value).flatMap(([key, item]) => {
      if (Object.hasOwn(properties, key)) return check(item, properties[key], inside(place, key))
      return rest === false ? [issue(inside(place, key), 'there is no such key')] : check(item, rest, inside(place, key))
    }),
  ]
}

function inside(place: Place, key: string | number): Place {
  return { ...place, path: [...place.path, key], references: [] }
}

function limits(value: number, schema: JsonSchema, place: Place): Issue[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  const issues: Issue[] = []
  if (typeof minimum === 'number' && value < minimum) issues.push(issue(place, `must be at least ${minimum}`))
  if (typeof maximum === 'number' && value > maximum) issues.push(issue(place, `must be at most ${maximum}`))
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) issues.push(issue(place, `must be more than ${exclusiveMinimum}`))
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) issues.push(issue(place, `must be less than ${exclusiveMaximum}`))
  return issues
}

function size(count: number, schema: JsonSchema, kind: 'Length' | 'Items', noun: string, place: Place): Issue[] {
  const [min, max] = [schema[`min${kind}`], schema[`max${kind}`]]
  if (typeof min === 'number' && count < min) return [issue(place, `must have at least ${min} ${noun}, has ${count}`)]
  if (typeof max === 'number' && count > max) return [issue(place, `must have at most ${max} ${noun}, has ${count}`)]
  return []
}

function hasType(value: unknown, name: string): boolean {
  switch (name) {
    case 'object':
      return isRecord(value)
    case 'integer':
      return Number.isInteger(value)
    case 'array':
    case 'null':
    case 'string':
    case 'number':
    case 'boolean':
      return nameOf(value) === name
    default:
      return true
  }
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** Equal as JSON, whatever the order of keys. */
function isEqual(one: JsonValue | undefined, other: unknown): boolean {
  if (one === other) return true
  if (Array.isArray(one))
    return Array.isArray(other) && one.length === other.length && list(one).every((item, at) => isEqual(item, other[at]))
  if (!isNode(one) || !isRecord(other)) return false
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && isEqual(one[key], other[key]))
}

function issue({ path }: Place, message: string): Issue {
  return { path, message }
}
