import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonValue } from '../util/json.ts'
import { CODE_TYPE, codeTypeOf } from './code-types.ts'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'
import { notesOf } from './notes.ts'
import { isNode, list, target, unescapePointer } from './pointer.ts'
import {
  intersectionOf,
  NEVER,
  type ObjectShape,
  resolveShape,
  type Property,
  type ScalarName,
  type Shape,
  type ShapeDocument,
  unionOf,
  UNKNOWN,
} from './shape.ts'

/** Parts nested deeper than this are unknown: no person wrote them. */
const DEEPEST = 64

/** A definition while the reader is in or behind it. */
interface Entry {
  readonly name: string
  readonly node: JsonValue
  /** How many objects and arrays the reader was inside when it entered. */
  readonly guard: number
  shape: Shape | null
  recursive: boolean
}

export interface ReadShapeOptions {
  /** Put before the names of definitions, so that those of several functions do not meet in one prompt. */
  readonly prefix?: string
  /** Name of the whole where it refers to itself; default `Root`. */
  readonly rootName?: string
}

/**
 * Reads a JSON Schema. It never throws and always ends: whatever it does not understand (foreign references, `not`,
 * `if`) is left out, so the result may allow more than the schema does, never less.
 */
export function shapeOf(document: JsonSchema, options: ReadShapeOptions = {}): ShapeDocument {
  return new ShapeReader(document, options.prefix ?? '').read(options.rootName ?? 'Root')
}

const parameters = new WeakMap<object, readonly string[]>()

/** Names of a schema's top-level properties in the schema's order (ArkType sorts them); empty when it is not one object. */
export function parametersOf(schema: StandardSchemaV1): readonly string[] {
  let names = parameters.get(schema)
  if (names === undefined) parameters.set(schema, (names = propertyNames(jsonSchemaOf(schema, 'input', 'code'))))
  return names
}

/** The same for a JSON Schema document. */
export function propertyNames(document: JsonSchema): readonly string[] {
  const shapes = shapeOf(document)
  const root = resolveShape(shapes, shapes.root)
  return root.type === 'object' ? root.properties.map((property) => property.name) : []
}

class ShapeReader {
  readonly #document: JsonSchema
  readonly #prefix: string
  readonly #entries = new Map<string, Entry>()
  readonly #names = new Set<string>()
  #guard = 0
  #depth = 0

  constructor(document: JsonSchema, prefix: string) {
    this.#document = document
    this.#prefix = prefix
  }

  read(rootName: string): ShapeDocument {
    const root = this.#reference('#', rootName)
    const definitions = [...this.#entries.values()].flatMap(({ name, node, shape, recursive }) =>
      shape && (recursive || !isSmall(shape)) ? [{ name, shape, ...notesOf(node) }] : [],
    )
    const own = this.#entries.get('#')
    const isNamed = own?.recursive === true
    return {
      root: isNamed ? root : (own?.shape ?? UNKNOWN),
      definitions: isNamed ? definitions : definitions.filter(({ name }) => name !== own?.name),
      ...notesOf(this.#document),
    }
  }

  #shape(node: JsonValue | undefined, hint: string): Shape {
    if (node === false) return NEVER
    if (!isNode(node) || this.#depth > DEEPEST) return UNKNOWN
    this.#depth++
    const parts: Shape[] = [this.#own(node, hint)]
    if (typeof node['$ref'] === 'string') parts.push(this.#reference(node['$ref'], hint))
    for (const part of list(node['allOf'])) parts.push(this.#shape(part, hint))
    for (const keyword of ['anyOf', 'oneOf']) {
      const options = list(node[keyword])
      if (options.length > 0) parts.push(unionOf(options.map((option) => this.#shape(option, hint))))
    }
    this.#depth--
    const shape = intersectionOf(parts)
    return node['nullable'] === true && shape.type !== 'unknown' ? unionOf([shape, { type: 'scalar', name: 'null' }]) : shape
  }

  #own(node: JsonSchema, hint: string): Shape {
    const code = codeTypeOf(node[CODE_TYPE])
    if (code) return { type: 'code', name: code }
    if (node['const'] !== undefined) return { type: 'literal', value: node['const'] }
    if (Array.isArray(node['enum'])) return unionOf(list(node['enum']).map((value) => ({ type: 'literal', value })))
    const names = typesOf(node)
    return names.length === 0 ? UNKNOWN : unionOf(names.map((name) => this.#typed(name, node, hint)))
  }

  #typed(name: JsonValue, node: JsonSchema, hint: string): Shape {
    switch (name) {
      case 'object':
        return this.#inside(() => this.#object(node))
      case 'array':
        return this.#inside(() => this.#array(node, hint))
      case 'string':
      case 'number':
      case 'integer':
      case 'boolean':
      case 'null':
        return { type: 'scalar', name: name satisfies ScalarName }
      default:
        return UNKNOWN
    }
  }

  #object(node: JsonSchema): ObjectShape {
    const required = new Set(list(node['required']).filter((name) => typeof name === 'string'))
    const fields = isNode(node['properties']) ? Object.entries(node['properties']) : []
    const known = new Set(fields.map(([name]) => name))
    const rest = this.#rest(node, fields.length === 0 && required.size === 0)
    const keys = isNode(node['propertyNames']) && rest ? list(node['propertyNames']['enum']).filter((key) => typeof key === 'string') : []
    const extra = [...new Set([...keys, ...required])].filter((name) => !known.has(name))
    const properties: Property[] = [
      ...fields.map(([name, value]) => ({ name, shape: this.#shape(value, name), optional: !required.has(name), ...notesOf(value) })),
      ...extra.map((name) => ({ name, shape: rest ?? UNKNOWN, optional: !required.has(name), rules: [] })),
    ]
    return { type: 'object', properties, rest: keys.length > 0 ? null : rest }
  }

  #rest(node: JsonSchema, isBare: boolean): Shape | null {
    const more = node['additionalProperties']
    const patterns = isNode(node['patternProperties']) ? Object.values(node['patternProperties']) : []
    const shapes = patterns.map((value) => this.#shape(value, 'value'))
    if (more !== undefined && more !== false) shapes.push(this.#shape(more, 'value'))
    if (shapes.length > 0) return unionOf(shapes)
    return more === undefined && isBare && node['properties'] === undefined ? UNKNOWN : null
  }

  #array(node: JsonSchema, hint: string): Shape {
    const items = node['items']
    const front = Array.isArray(node['prefixItems']) ? list(node['prefixItems']) : Array.isArray(items) ? list(items) : null
    if (front === null) return { type: 'array', items: items === undefined ? UNKNOWN : this.#shape(items, singular(hint)) }
    const after = Array.isArray(node['prefixItems']) ? items : node['additionalItems']
    const least = typeof node['minItems'] === 'number' ? Math.min(node['minItems'], front.length) : front.length
    const isClosed = after === undefined || after === false || node['maxItems'] === front.length
    return {
      type: 'tuple',
      items: front.map((item) => this.#shape(item, singular(hint))),
      required: least,
      rest: isClosed ? null : this.#shape(after, singular(hint)),
    }
  }

  /** A type may refer to itself only from inside an object or an array; `a = b, b = a` says nothing and is unknown. */
  #reference(pointer: string, hint: string): Shape {
    const known = this.#entries.get(pointer)
    if (known) {
      if (known.shape) return known.recursive || !isSmall(known.shape) ? { type: 'reference', name: known.name } : known.shape
      if (known.guard === this.#guard) return UNKNOWN
      known.recursive = true
      return { type: 'reference', name: known.name }
    }
    const node = target(this.#document, pointer)
    if (node === undefined) return UNKNOWN
    const entry: Entry = { name: this.#name(pointer, node, hint), node, guard: this.#guard, shape: null, recursive: false }
    this.#entries.set(pointer, entry)
    entry.shape = this.#shape(node, hint)
    return entry.recursive || !isSmall(entry.shape) ? { type: 'reference', name: entry.name } : entry.shape
  }

  #inside<T>(read: () => T): T {
    this.#guard++
    const result = read()
    this.#guard--
    return result
  }

  #name(pointer: string, node: JsonValue, hint: string): string {
    const [, last = ''] = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(pointer) ?? []
    const title = isNode(node) && typeof node['title'] === 'string' ? node['title'] : ''
    const base = pascal(/^_*schema_?\d*$|^\d*$/i.test(last) ? title || hint : unescapePointer(last)) || 'Item'
    const name = base.startsWith(this.#prefix) ? base : this.#prefix + base
    let free = name
    for (let n = 2; this.#names.has(free); n++) free = `${name}${n}`
    this.#names.add(free)
    return free
  }
}

/** Short enough to stand where it is used; everything else under a reference gets a name. */
function isSmall(shape: Shape): boolean {
  if (shape.type === 'union')
    return shape.options.length <= 6 && shape.options.every((option) => option.type !== 'array' && isSmall(option))
  if (shape.type === 'array') return shape.items.type !== 'array' && isSmall(shape.items)
  return (
    shape.type === 'scalar' ||
    shape.type === 'code' ||
    shape.type === 'literal' ||
    shape.type === 'unknown' ||
    shape.type === 'never' ||
    shape.type === 'reference'
  )
}

function typesOf(node: JsonSchema): readonly JsonValue[] {
  const { type } = node
  if (Array.isArray(type)) return list(type)
  if (typeof type === 'string') return [type]
  if (isNode(node['properties']) || isNode(node['patternProperties']) || isNode(node['additionalProperties'])) return ['object']
  return isNode(node['items']) || Array.isArray(node['items']) || Array.isArray(node['prefixItems']) ? ['array'] : []
}

function pascal(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return /^\d/.test(joined) ? `T${joined}` : joined
}

function singular(hint: string): string {
  return /[^s]s$/.test(hint) ? hint.slice(0, -1) : hint
}
