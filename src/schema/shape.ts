import type { JsonValue } from '../util/json.ts'
import type { CodeType } from './code-types.ts'

/**
 * What a JSON Schema says about structure, freed of its many spellings: `shapeOf` reads one, the TypeScript and the
 * Python printer write it. Limits such as `maxLength` are kept as short texts in `Notes`.
 */
export type Shape =
  | { readonly type: 'unknown' }
  | { readonly type: 'never' }
  | { readonly type: 'scalar'; readonly name: ScalarName }
  | { readonly type: 'code'; readonly name: CodeType }
  | { readonly type: 'literal'; readonly value: JsonValue }
  | { readonly type: 'array'; readonly items: Shape }
  | TupleShape
  | ObjectShape
  | { readonly type: 'union'; readonly options: readonly Shape[] }
  | { readonly type: 'intersection'; readonly parts: readonly Shape[] }
  | { readonly type: 'reference'; /** Name of a definition of the same document. */ readonly name: string }

export type ScalarName = 'string' | 'number' | 'integer' | 'boolean' | 'null'

export interface TupleShape {
  readonly type: 'tuple'
  readonly items: readonly Shape[]
  /** How many of them must be there. */
  readonly required: number
  /** What may follow them; null when nothing may. */
  readonly rest: Shape | null
}

export interface ObjectShape {
  readonly type: 'object'
  /** In the order of the schema. */
  readonly properties: readonly Property[]
  /** What further keys hold; null when the schema names none. */
  readonly rest: Shape | null
}

export interface Property extends Notes {
  readonly name: string
  readonly shape: Shape
  readonly optional: boolean
}

/** What types cannot say. */
export interface Notes {
  readonly description?: string
  /** Short rules such as `at most 6 characters`. */
  readonly rules: readonly string[]
  readonly default?: JsonValue
}

export interface Definition extends Notes {
  readonly name: string
  readonly shape: Shape
}

/** A whole document: its root, and the named types that the root or each other refer to. */
export interface ShapeDocument extends Notes {
  readonly root: Shape
  readonly definitions: readonly Definition[]
}

export const UNKNOWN: Shape = { type: 'unknown' }
export const NEVER: Shape = { type: 'never' }

/** The shape that a reference stands for; any other shape is given back. */
export function resolveShape(document: ShapeDocument, shape: Shape): Shape {
  if (shape.type !== 'reference') return shape
  return document.definitions.find((definition) => definition.name === shape.name)?.shape ?? UNKNOWN
}

/** One shape for "any of these": flattened, without repeats, null at the end. */
export function unionOf(shapes: readonly Shape[]): Shape {
  const options = new Map<string, Shape>()
  for (const shape of shapes.flatMap((one) => (one.type === 'union' ? one.options : [one]))) {
    if (shape.type === 'unknown') return UNKNOWN
    if (shape.type !== 'never') options.set(JSON.stringify(shape), shape)
  }
  joinBooleans(options)
  const rest = [...options.values()]
  const ordered = [...rest.filter((shape) => !isNull(shape)), ...rest.filter(isNull)]
  if (ordered.length === 0) return NEVER
  return ordered.length === 1 && ordered[0] ? ordered[0] : { type: 'union', options: ordered }
}

/** One shape for "all of these"; objects that share no property become one object. */
export function intersectionOf(shapes: readonly Shape[]): Shape {
  const flat = shapes.flatMap((one) => (one.type === 'intersection' ? one.parts : [one])).filter((shape) => shape.type !== 'unknown')
  if (flat.some((shape) => shape.type === 'never')) return NEVER
  const narrowed = flat.filter((shape, at) => !flat.some((other, i) => i !== at && makesRedundant(other, shape)))
  const unique = [...new Map(narrowed.map((shape) => [JSON.stringify(shape), shape])).values()]
  const objects = unique.filter((shape) => shape.type === 'object')
  const parts = canMerge(objects) ? [merge(objects), ...unique.filter((shape) => shape.type !== 'object')] : unique
  if (parts.length === 0) return UNKNOWN
  return parts.length === 1 && parts[0] ? parts[0] : { type: 'intersection', parts }
}

/** Whether `shape` is null itself, as a type or as a value. */
export function isNull(shape: Shape): boolean {
  return (shape.type === 'scalar' && shape.name === 'null') || (shape.type === 'literal' && shape.value === null)
}

function joinBooleans(options: Map<string, Shape>): void {
  const yes = JSON.stringify({ type: 'literal', value: true } satisfies Shape)
  const no = JSON.stringify({ type: 'literal', value: false } satisfies Shape)
  if (!options.has(yes) || !options.has(no)) return
  options.delete(yes)
  options.delete(no)
  const joined: Shape = { type: 'scalar', name: 'boolean' }
  options.set(JSON.stringify(joined), joined)
}

/** Says nothing beside `other`: `string` beside `'a' | 'b'`, "some object" beside an object that is spelled out. */
function makesRedundant(other: Shape, shape: Shape): boolean {
  const options = other.type === 'union' ? other.options : [other]
  if (shape.type === 'scalar') return options.every((option) => option.type === 'literal' && fits(shape.name, option.value))
  if (shape.type !== 'object' || shape.properties.length > 0 || shape.rest?.type !== 'unknown') return false
  return options.every(
    (option) =>
      (option.type === 'object' && (option.properties.length > 0 || option.rest?.type !== 'unknown')) || option.type === 'reference',
  )
}

function fits(name: ScalarName, value: JsonValue): boolean {
  if (name === 'null') return value === null
  return typeof value === (name === 'integer' ? 'number' : name)
}

function canMerge(objects: readonly ObjectShape[]): boolean {
  if (objects.length < 2 || objects.some((object) => object.rest !== null && object.rest.type !== 'unknown')) return false
  const names = objects.flatMap((object) => object.properties.map((property) => property.name))
  return new Set(names).size === names.length
}

function merge(objects: readonly ObjectShape[]): ObjectShape {
  return {
    type: 'object',
    properties: objects.flatMap((object) => object.properties),
    rest: objects.some((object) => object.rest) ? UNKNOWN : null,
  }
}
