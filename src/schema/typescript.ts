import type { JsonValue } from '../util/json.ts'
import { assertNever } from '../util/assert-never.ts'
import { type FunctionDescription, noteText, plainExample, textLines, typePrefix } from './function-description.ts'
import type { JsonSchema } from './json-schema.ts'
import { shapeOf } from './read-shape.ts'
import { type Definition, isNull, type Notes, type ObjectShape, type Property, type Shape, type TupleShape } from './shape.ts'

/** Longest object or comment that stays on one line. */
const INLINE = 90

/** A type as text, with the named types that it needs as whole declarations, dependencies last. */
export interface TypeScriptType {
  readonly text: string
  readonly declarations: readonly string[]
}

/** A JSON Schema as a TypeScript type; limits, defaults and descriptions stand in comments. `prefix` goes before the names of its declarations. */
export function typescriptType(schema: JsonSchema, options: { readonly prefix?: string } = {}): TypeScriptType {
  const document = shapeOf(schema, options)
  return { text: print(document.root, ''), declarations: document.definitions.map(declaration) }
}

/** The declaration of an async function for a prompt: doc comment, named types, one line or a few. It type-checks. */
export function typescriptFunction(description: FunctionDescription): string {
  const { name, input, output } = description
  const types = typesOf(name, input, output)
  return [...types.declarations, `${docComment(description, types.note)}declare function ${signature(name, types)}`].join('\n')
}

/** `quote(input: { symbol: string; days: number }): Promise<Bar[]>`: what an error about wrong arguments shows. */
export function typescriptSignature(description: Pick<FunctionDescription, 'name' | 'input' | 'output'>): string {
  return signature(description.name, typesOf(description.name, description.input, description.output))
}

interface FunctionTypes {
  readonly input: string
  readonly output: string
  readonly declarations: readonly string[]
  /** What the output's schema says about the whole of it. */
  readonly note: string
}

function typesOf(name: string, input: JsonSchema, output: JsonSchema | undefined): FunctionTypes {
  const prefix = typePrefix(name)
  const taken = shapeOf(input, { prefix, rootName: 'Input' })
  const given = shapeOf(output ?? {}, { prefix: sameNames(input, output, prefix) ? `${prefix}Result` : prefix, rootName: 'Result' })
  const hasNoParameters = taken.root.type === 'object' && taken.root.properties.length === 0 && taken.root.rest === null
  const isOptional = taken.root.type === 'object' && taken.root.properties.every((property) => property.optional)
  return {
    input: hasNoParameters ? '' : `input${isOptional ? '?' : ''}: ${print(taken.root, '')}`,
    output: print(given.root, ''),
    declarations: [...new Set([...taken.definitions, ...given.definitions].map(declaration))],
    note: comment(given, given.root),
  }
}

/** Whether input and output would give one name to two different types. */
function sameNames(input: JsonSchema, output: JsonSchema | undefined, prefix: string): boolean {
  if (output === undefined) return false
  const texts = new Map(shapeOf(input, { prefix }).definitions.map((definition) => [definition.name, declaration(definition)]))
  return shapeOf(output, { prefix }).definitions.some(
    (definition) => texts.has(definition.name) && texts.get(definition.name) !== declaration(definition),
  )
}

function signature(name: string, types: FunctionTypes): string {
  return `${name}(${types.input}): Promise<${types.output}>`
}

function declaration(definition: Definition): string {
  const note = comment(definition, definition.shape)
  return `${note ? `${block([note], '')}\n` : ''}type ${definition.name} = ${print(definition.shape, '')}`
}

function docComment({ name, description, notFor, examples = [] }: FunctionDescription, returns: string): string {
  const lines = textLines(description)
  if (returns) lines.push(`Returns: ${returns}`)
  if (notFor) lines.push(`Not for: ${textLines(notFor).join(' ')}`)
  for (const example of examples) lines.push(`Example: await ${name}(${literal(plainExample(example))})`)
  return `${block(lines, '')}\n`
}

function block(lines: readonly string[], indent: string): string {
  const safe = lines.map((line) => line.replaceAll('*/', '*\\/'))
  if (safe.length === 1) return `/** ${safe[0]} */`
  return ['/**', ...safe.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`].join('\n')
}

function print(shape: Shape, indent: string): string {
  switch (shape.type) {
    case 'unknown':
    case 'never':
      return shape.type
    case 'scalar':
      return shape.name === 'integer' ? 'number' : shape.name
    case 'literal':
      return literal(shape.value)
    case 'code':
    case 'reference':
      return shape.name
    case 'array':
      return `${group(shape.items, indent)}[]`
    case 'tuple':
      return printTuple(shape, indent)
    case 'union':
      return [...new Set(shape.options.map((option) => group(option, indent, 'union')))].join(' | ')
    case 'intersection':
      return [...new Set(shape.parts.map((part) => group(part, indent)))].join(' & ')
    case 'object':
      return printObject(shape, indent)
    default:
      return assertNever(shape)
  }
}

function printTuple({ items, required, rest }: TupleShape, indent: string): string {
  const texts = items.map((item, at) => (at < required ? print(item, indent) : `${group(item, indent)}?`))
  if (rest) texts.push(`...${group(rest, indent)}[]`)
  return `[${texts.join(', ')}]`
}

/** In parentheses where a sign that follows would bind to the last option only. */
function group(shape: Shape, indent: string, within?: 'union'): string {
  const text = print(shape, indent)
  const isLoose = (shape.type === 'union' && within !== 'union') || shape.type === 'intersection' || isObjectWithForeignRest(shape)
  return isLoose && / [|&] /.test(text) ? `(${text})` : text
}

function isObjectWithForeignRest(shape: Shape): boolean {
  return shape.type === 'object' && shape.properties.length > 0 && shape.rest !== null && shape.rest.type !== 'unknown'
}

/** Keys of other types than the named ones need an intersection: an index signature must cover all properties. */
function printObject({ properties, rest }: ObjectShape, indent: string): string {
  if (properties.length === 0) return rest === null ? '{}' : record(rest, indent)
  const open = rest?.type === 'unknown' ? ['[key: string]: unknown'] : []
  const text = inline(properties, open) ?? multiline(properties, open, indent)
  return rest === null || rest.type === 'unknown' ? text : `${text} & ${record(rest, indent)}`
}

/** `Record` cannot contain the type that is being declared, an index signature can. */
function record(rest: Shape, indent: string): string {
  const text = print(rest, indent)
  return JSON.stringify(rest).includes('"type":"reference"') ? `{ [key: string]: ${text} }` : `Record<string, ${text}>`
}

function inline(properties: readonly Property[], open: readonly string[]): string | undefined {
  if (properties.some((property) => property.description !== undefined)) return undefined
  const members = properties.map((property) => {
    const note = comment(property, property.shape)
    return note ? `${member(property, '')} /* ${note.replaceAll('*/', '*\\/')} */` : member(property, '')
  })
  const text = `{ ${[...members, ...open].join('; ')} }`
  return text.length <= INLINE && !text.includes('\n') ? text : undefined
}

function multiline(properties: readonly Property[], open: readonly string[], indent: string): string {
  const inner = `${indent}  `
  const lines = properties.flatMap((property) => {
    const text = `${inner}${member(property, inner)}`
    const note = comment(property, property.shape)
    if (note === '') return [text]
    const isShort = !text.includes('\n') && text.length + note.length <= INLINE + 30
    return isShort ? [`${text} // ${note}`] : [`${inner}${block([note], inner)}`, text]
  })
  return ['{', ...lines, ...open.map((line) => inner + line), `${indent}}`].join('\n')
}

/** Notes as text; that a number is whole is one of them, as TypeScript has no type for it. */
function comment(notes: Notes, shape: Shape): string {
  const whole = wholeNumber(shape)
  const [first, ...others] = notes.rules
  const isBound = first !== undefined && /^(each )?[<>]/.test(first)
  const rules = whole === '' ? notes.rules : isBound ? [`${whole} ${first.replace(/^each /, '')}`, ...others] : [whole, ...notes.rules]
  return noteText({ ...notes, rules }, literal)
}

function wholeNumber(shape: Shape): string {
  if (shape.type === 'scalar' && shape.name === 'integer') return 'integer'
  if (shape.type === 'array' && wholeNumber(shape.items) === 'integer') return 'each integer'
  if (shape.type !== 'union') return ''
  const [only, ...others] = shape.options.filter((option) => !isNull(option))
  return only && others.length === 0 ? wholeNumber(only) : ''
}

function member({ name, optional, shape }: Property, indent: string): string {
  return `${/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : quote(name)}${optional ? '?' : ''}: ${print(shape, indent)}`
}

function literal(value: JsonValue | undefined): string {
  if (value === null || typeof value !== 'object') return typeof value === 'string' ? quote(value) : String(value)
  if (isList(value)) return `[${value.map(literal).join(', ')}]`
  const fields = Object.entries(value).map(
    ([key, field]) => `${/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(key) ? key : quote(key)}: ${literal(field)}`,
  )
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function quote(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${inner.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`
}
