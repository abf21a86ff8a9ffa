import { TroupeError } from '../../errors/troupe-error.ts'
import type { JsonObject } from '../../util/json.ts'

type Kind = keyof Kinds

/** Kinds of fields in messages: what is allowed there, and how that is said. */
const KINDS: { readonly [K in Kind]: readonly [said: string, fits: (value: unknown) => boolean] } = {
  text: ['a text', (value) => typeof value === 'string'],
  words: ['a text that is not empty', (value) => typeof value === 'string' && value.trim() !== ''],
  flag: ['true or false', (value) => typeof value === 'boolean'],
  number: ['a number', (value) => typeof value === 'number'],
  object: ['an object', isObject],
  numbers: ['an object of numbers', (value) => isObject(value) && Object.values(value).every((one) => typeof one === 'number')],
  texts: ['a list of texts', (value) => Array.isArray(value) && value.every((one) => typeof one === 'string')],
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a kind is to the compiler. */
interface Kinds {
  text: string
  words: string
  flag: boolean
  number: number
  object: JsonObject
  numbers: { readonly [name: string]: number }
  texts: readonly string[]
}

/** `kind!`: it has to be there. */
export type Shape = { readonly [field: string]: Kind | `${Kind}!` }

/** The object that a shape describes. */
export type Fields<S extends Shape> = {
  readonly [K in keyof S as S[K] extends Kind ? never : K]: S[K] extends `${infer W extends Kind}!` ? Kinds[W] : never
} & {
  readonly [K in keyof S as S[K] extends Kind ? K : never]?: S[K] extends Kind ? Kinds[S[K]] : never
}

/** The JSON object in a message's body, its fields as `shape` says and no others. Throws `amqp/bad-message`. */
export function fieldsOf<const S extends Shape>(content: Buffer, shape: S): Fields<S> {
  const body = jsonOf(content)
  if (!isObject(body)) throw bad(`the body is ${short(body)}: it has to be a JSON object`)
  const fields = body as JsonObject
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(shape, name))
  if (unknown !== undefined) throw bad(`there is no field '${unknown}': there are ${Object.keys(shape).join(', ')}`)
  for (const [name, wanted] of Object.entries(shape)) {
    const kind = wanted.replace('!', '') as Kind
    const [said, fits] = KINDS[kind]
    const value = fields[name]
    if (value === undefined && !wanted.endsWith('!')) continue
    if (value === undefined) throw bad(`the field '${name}' is missing: it has to be ${said}`)
    if (!fits(value)) throw bad(`the field '${name}' is ${short(value)}: it has to be ${said}`)
  }
  return fields as Fields<S> // Each was looked at above.
}

function jsonOf(content: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch {
    throw bad(`the body is no JSON text in UTF-8: ${JSON.stringify(content.toString('utf8', 0, 80))}`)
  }
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

export function bad(what: string): TroupeError {
  return new TroupeError('amqp/bad-message', what)
}
