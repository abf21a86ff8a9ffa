import type { JsonValue } from '../util/json.ts'
import { assertNever } from '../util/assert-never.ts'
import type { CodeType } from './code-types.ts'
import { type FunctionDescription, noteText, plainExample, textLines, typePrefix } from './function-description.ts'
import { shapeOf } from './read-shape.ts'
import { pythonName } from './python-name.ts'
import { type ObjectShape, type Property, resolveShape, type Shape, type ShapeDocument } from './shape.ts'

/** Words that no parameter can be called; the rest of Python's names may be shadowed by one. */
const KEYWORDS: ReadonlySet<string> = new Set(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
)

const CODE_TYPE_NAMES: Readonly<Record<CodeType, string>> = {
  Date: 'datetime',
  bigint: 'int',
  'Map<unknown, unknown>': 'dict',
  'Set<unknown>': 'set',
  Uint8Array: 'bytes',
}

/** The stub of a function for a prompt: signature with plain types, docstring with what those cannot say. It parses as Python 3.9. */
export function pythonFunction(description: FunctionDescription): string {
  const stub = readStub(description)
  return `def ${stub.signature}:\n${docstring(description, stub)}`
}

/** `quote(symbol: str, days: int = 5) -> list[dict]`: what an error about wrong arguments shows. */
export function pythonSignature(description: Pick<FunctionDescription, 'name' | 'input' | 'output'>): string {
  return readStub(description).signature
}

interface Stub {
  readonly signature: string
  readonly input: ShapeDocument
  readonly output: ShapeDocument
  /** Its parameters, or null when the arguments can only be given as one dict. */
  readonly parameters: readonly Property[] | null
}

function readStub({ name, input, output }: Pick<FunctionDescription, 'name' | 'input' | 'output'>): Stub {
  const prefix = typePrefix(name)
  const taken = shapeOf(input, { prefix, rootName: 'Input' })
  const given = shapeOf(output ?? {}, { prefix, rootName: 'Result' })
  const root = resolveShape(taken, taken.root)
  const parameters = root.type === 'object' && root.properties.every((property) => isParameterName(property.name)) ? root.properties : null
  const list = root.type === 'object' && parameters ? parameterList(root, taken) : 'arguments: dict, /'
  return { signature: `${pythonName(name)}(${list}) -> ${annotation(given.root, given)}`, input: taken, output: given, parameters }
}

/** Python wants parameters without a default first; those that come later in the schema are keyword-only. */
function parameterList({ properties, rest }: ObjectShape, document: ShapeDocument): string {
  const firstOptional = properties.findIndex((property) => property.optional)
  const star = firstOptional < 0 ? -1 : properties.findIndex((property, at) => at > firstOptional && !property.optional)
  const texts = properties.map((property) => {
    const preset = property.optional ? ` = ${property.default === undefined ? '...' : literal(property.default)}` : ''
    return `${property.name}: ${annotation(property.shape, document)}${preset}`
  })
  if (star >= 0) texts.splice(star, 0, '*')
  if (rest) texts.push(`**more: ${annotation(rest, document)}`)
  return texts.join(', ')
}

function docstring(description: FunctionDescription, stub: Stub): string {
  const lines = textLines(description.description)
  lines.push(...argumentLines(stub))
  const returns = returnNote(stub.output)
  if (returns) lines.push('', `Returns: ${returns}`)
  const definitions = new Set(
    [...stub.input.definitions, ...stub.output.definitions].map(({ name, shape }) => `${name} = ${detail(shape)}`),
  )
  if (definitions.size > 0) lines.push('', 'Where:', ...[...definitions].map((line) => `  ${line}`))
  if (description.notFor) lines.push('', `Not for: ${textLines(description.notFor).join(' ')}`)
  for (const example of description.examples ?? []) lines.push('', `Example: ${call(description.name, example, stub)}`)
  const [first = '', ...others] = lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('"""', "'''"))
  if (others.length === 0) return `    """${first}${first.endsWith('"') ? ' ' : ''}"""`
  return [`    """${first}`, ...others.map((line) => (line === '' ? '' : `    ${line}`)), '    """'].join('\n')
}

/** A parameter that the signature tells all about needs no line; the keys of a single dict are all told here. */
function argumentLines({ input, parameters }: Stub): string[] {
  const root = resolveShape(input, input.root)
  const details = parameters
    ? parameters.flatMap((property) => parameterNote(property, input))
    : root.type === 'object'
      ? ['arguments: one dict with these keys', ...root.properties.map((property) => `  ${field(property)}`)]
      : [`arguments: ${detail(input.root)}`]
  return details.length === 0 ? [] : ['', 'Args:', ...details.map((line) => `  ${line}`)]
}

function parameterNote(property: Property, document: ShapeDocument): string[] {
  const plainType = annotation(property.shape, document)
  const full = detail(property.shape)
  const parts = [full === plainType ? '' : full, noteText(property, property.optional ? undefined : literal)].filter((part) => part !== '')
  return parts.length === 0 ? [] : [`${property.name}: ${parts.join('; ')}`]
}

function returnNote(document: ShapeDocument): string {
  const full = detail(document.root)
  return [full === annotation(document.root, document) ? '' : full, noteText(document, literal)].filter((part) => part !== '').join('; ')
}

function call(name: string, example: unknown, stub: Stub): string {
  const value = plainExample(example)
  if (stub.parameters === null || typeof value !== 'object' || value === null || Array.isArray(value))
    return `${pythonName(name)}(${literal(value)})`
  return `${pythonName(name)}(${Object.entries(value)
    .map(([key, item]) => `${key}=${literal(item)}`)
    .join(', ')})`
}

/** A type that Python itself understands; objects are `dict`, whatever they hold. */
function annotation(shape: Shape, document: ShapeDocument, seen: readonly string[] = []): string {
  switch (shape.type) {
    case 'reference':
      return seen.includes(shape.name) ? 'Any' : annotation(resolveShape(document, shape), document, [...seen, shape.name])
    case 'object':
      return shape.properties.length === 0 && shape.rest && shape.rest.type !== 'unknown'
        ? `dict[str, ${annotation(shape.rest, document, seen)}]`
        : 'dict'
    case 'array':
      return shape.items.type === 'unknown' ? 'list' : `list[${annotation(shape.items, document, seen)}]`
    case 'tuple':
      return listOf([...shape.items, ...(shape.rest ? [shape.rest] : [])].map((item) => annotation(item, document, seen)))
    case 'union':
      return either(shape.options, (option) => annotation(option, document, seen))
    case 'intersection':
      return annotation(shape.parts[0] ?? { type: 'unknown' }, document, seen)
    default:
      return simple(shape)
  }
}

/** The same with everything spelled out, for the docstring: `list[{'date': str, 'close': float}]`. */
function detail(shape: Shape): string {
  switch (shape.type) {
    case 'reference':
      return shape.name
    case 'object':
      return detailObject(shape)
    case 'array':
      return shape.items.type === 'unknown' ? 'list' : `list[${detail(shape.items)}]`
    case 'tuple': {
      const items = shape.items.map((item, at) => detail(item) + (at < shape.required ? '' : '?'))
      return `[${[...items, ...(shape.rest ? [`*${detail(shape.rest)}`] : [])].join(', ')}]`
    }
    case 'union':
      return either(shape.options, detail)
    case 'intersection':
      return shape.parts.map(detail).join(' & ')
    default:
      return simple(shape)
  }
}

function detailObject({ properties, rest }: ObjectShape): string {
  if (properties.length === 0) return rest && rest.type !== 'unknown' ? `dict[str, ${detail(rest)}]` : 'dict'
  return `{${[...properties.map(field), ...(rest ? [`**: ${detail(rest)}`] : [])].join(', ')}}`
}

function field(property: Property): string {
  const note = noteText(property, literal)
  return `${literal(property.name)}${property.optional ? '?' : ''}: ${detail(property.shape)}${note ? ` [${note}]` : ''}`
}

function simple(shape: Exclude<Shape, { type: 'reference' | 'object' | 'array' | 'tuple' | 'union' | 'intersection' }>): string {
  switch (shape.type) {
    case 'unknown':
    case 'never':
      return 'Any'
    case 'scalar':
      return { string: 'str', number: 'float', integer: 'int', boolean: 'bool', null: 'None' }[shape.name]
    case 'code':
      return CODE_TYPE_NAMES[shape.name]
    case 'literal':
      return literalType(shape.value)
    default:
      return assertNever(shape)
  }
}

/** Options with all literals in one `Literal[…]`. */
function either(options: readonly Shape[], print: (shape: Shape) => string): string {
  const texts = options.map(print)
  const values = texts.flatMap((text) => (text.startsWith('Literal[') ? [text.slice('Literal['.length, -1)] : []))
  const joined = values.length > 0 ? [`Literal[${values.join(', ')}]`] : []
  return [...new Set([...joined, ...texts.filter((text) => !text.startsWith('Literal['))])].join(' | ')
}

function listOf(items: readonly string[]): string {
  return items.length === 0 ? 'list' : `list[${[...new Set(items)].join(' | ')}]`
}

function literalType(value: JsonValue): string {
  if (value === null) return 'None'
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isInteger(value)) return `Literal[${literal(value)}]`
  return typeof value === 'number' ? 'float' : Array.isArray(value) ? 'list' : 'dict'
}

function literal(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return quote(value)
  if (isList(value)) return `[${value.map(literal).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, item]) => `${quote(key)}: ${literal(item)}`)
    .join(', ')}}`
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function quote(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${inner.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`
}

function isParameterName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name)
}
