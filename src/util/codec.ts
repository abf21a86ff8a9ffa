import { TroupeError } from '../errors/troupe-error.ts'

/**
 * The one encoding of values that cross the border of a sandbox, and that the log holds: JSON text in which an object
 * `{ "$type": …, "value": … }` stands for what JSON has no form for. Plain JSON data is its own encoding; an object that
 * has a key `$type` of its own is escaped, so that input which imitates a tag comes back as it was.
 */
export interface Codec {
  /** Throws a `TypeError` for functions, symbols, promises, cycles and what is nested too deep. */
  encode(value: unknown): string
  /** Throws a `TypeError` or `SyntaxError` for text that `encode` does not make. */
  decode(text: string): unknown
}

/** Encodes for the border and the log. Throws `sandbox/bad-value`, saying what cannot cross. */
export function encode(value: unknown): string {
  try {
    return codec.encode(value)
  } catch (error) {
    throw new TroupeError('sandbox/bad-value', `a value cannot be encoded: ${(error as Error).message}`, { cause: error })
  }
}

/** Reads what `encode` made. Throws `sandbox/bad-value` for anything else. */
export function decode(text: string): unknown {
  try {
    return codec.decode(text)
  } catch (error) {
    throw new TroupeError('sandbox/bad-value', `a text is no encoded value: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Makes a codec. The function stands on its own, down to the builtins that it takes hold of when it is called: its
 * source text (`createCodec.toString()`) is what runs inside a sandbox.
 */
export function createCodec(): Codec {
  const { stringify, parse } = JSON
  const { isArray } = Array
  const { keys, defineProperty, create } = Object
  const MAX_DEPTH = 200
  const TYPED = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array] as const
  const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

  const tag = (type: string, value: unknown): object => {
    const object = create(null)
    object.$type = type
    if (value !== undefined) object.value = value
    return object
  }
  const base64 = (bytes: Uint8Array): string => {
    let text = ''
    for (let i = 0; i < bytes.length; i += 3) {
      const [a = 0, b = 0, c = 0] = [bytes[i], bytes[i + 1], bytes[i + 2]]
      const left = bytes.length - i
      text += DIGITS[a >> 2]! + DIGITS[((a & 3) << 4) | (b >> 4)]!
      text += (left > 1 ? DIGITS[((b & 15) << 2) | (c >> 6)]! : '=') + (left > 2 ? DIGITS[c & 63]! : '=')
    }
    return text
  }
  const bytesOf = (text: unknown): Uint8Array => {
    if (typeof text !== 'string' || text.length % 4 !== 0) throw new TypeError('bytes are no base64')
    const size = (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
    const bytes = new Uint8Array(size)
    let at = 0
    for (let i = 0; i < text.length; i += 4) {
      let bits = 0
      for (let j = 0; j < 4; j++) bits = (bits << 6) | Math.max(0, DIGITS.indexOf(text[i + j]!))
      for (const shift of [16, 8, 0]) if (at < size) bytes[at++] = (bits >> shift) & 255
    }
    return bytes
  }
  const isPlainKeyed = (value: object): boolean => !('$type' in value)

  const pack = (value: unknown, depth: number, above: readonly object[]): unknown => {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        if (value !== value) return tag('Number', 'NaN')
        if (value === Infinity || value === -Infinity) return tag('Number', value > 0 ? 'Infinity' : '-Infinity')
        return value === 0 && 1 / value < 0 ? tag('Number', '-0') : value
      case 'undefined':
        return tag('undefined', undefined)
      case 'bigint':
        return tag('BigInt', `${value}`)
      case 'object':
        return value === null ? null : packObject(value, depth, above)
      default:
        throw new TypeError(`a ${typeof value} cannot leave its program`)
    }
  }
  const packObject = (value: object, depth: number, above: readonly object[]): unknown => {
    if (depth > MAX_DEPTH) throw new TypeError(`it is nested deeper than ${MAX_DEPTH}`)
    if (above.includes(value)) throw new TypeError('it contains itself')
    const inside = [...above, value]
    const inner = (part: unknown): unknown => pack(part, depth + 1, inside)
    if (isArray(value)) return value.map(inner)
    if (value instanceof Date) return tag('Date', value.getTime() === value.getTime() ? value.toISOString() : null)
    if (value instanceof Map) return tag('Map', Array.from(value, ([key, item]) => [inner(key), inner(item)]))
    if (value instanceof Set) return tag('Set', Array.from(value, inner))
    if (value instanceof ArrayBuffer) return tag('ArrayBuffer', base64(new Uint8Array(value)))
    if (value instanceof Promise) throw new TypeError('a promise cannot leave its program: await it')
    if (value instanceof Error) return tag('Error', { name: `${value.name}`, message: `${value.message}` })
    for (const type of TYPED) {
      if (value instanceof type) return tag(type.name, base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)))
    }
    if ('toJSON' in value && typeof value.toJSON === 'function') return inner(value.toJSON())
    const object = create(null)
    for (const key of keys(value)) {
      const part = (value as Record<string, unknown>)[key]
      if (part !== undefined) object[key] = inner(part)
    }
    return isPlainKeyed(value) ? object : tag('Object', object)
  }

  const unpack = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (isArray(value)) return value.map(unpack)
    if (!('$type' in value)) return unpackObject(value)
    const type = value.$type
    const inner = 'value' in value ? value.value : undefined
    switch (type) {
      case 'undefined':
        return undefined
      case 'Number':
        return Number(inner)
      case 'BigInt':
        return BigInt(inner as string)
      case 'Date':
        return new Date(inner === null ? NaN : (inner as string))
      case 'Map':
        return new Map((inner as [unknown, unknown][]).map(([key, item]) => [unpack(key), unpack(item)]))
      case 'Set':
        return new Set((inner as unknown[]).map(unpack))
      case 'ArrayBuffer':
        return bytesOf(inner).buffer
      case 'Object':
        return unpackObject(inner as object)
      case 'Error': {
        const { name, message } = inner as { name: string; message: string }
        return defineProperty(new Error(`${message}`), 'name', { value: `${name}`, configurable: true, writable: true })
      }
      default: {
        for (const typed of TYPED) if (typed.name === type) return new typed(bytesOf(inner).buffer as ArrayBuffer)
        throw new TypeError(`there is no type '${String(type)}'`)
      }
    }
  }
  const unpackObject = (value: object): object => {
    const object = {}
    for (const key of keys(value)) {
      defineProperty(object, key, { value: unpack((value as Record<string, unknown>)[key]), enumerable: true, configurable: true, writable: true })
    }
    return object
  }

  return { encode: (value) => stringify(pack(value, 0, [])), decode: (text) => unpack(parse(text)) }
}

const codec = createCodec()
