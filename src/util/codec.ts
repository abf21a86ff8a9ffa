import { TroupeError } from '../errors/troupe-error.ts'

/** JSON text for values that JSON alone would lose, and back. */
export interface Codec {
  encode(value: unknown): string
  decode(text: string): unknown
}

/** What makes one codec: how it refuses a value, and whether the text to decode comes from our own `encode`. */
export interface CodecOptions {
  readonly fail: (message: string) => Error
  /** Text from our own `encode` is parsed without a second walk when it holds no tag. */
  readonly trusted: boolean
  readonly maxDepth: number
}

/** Objects within objects that one value may have; both sides refuse more. */
export const MAX_DEPTH = 256

const host = createCodec({ fail: (message) => new TroupeError('sandbox/bad-value', message), trusted: false, maxDepth: MAX_DEPTH })

/**
 * The tagged JSON text of a value: what crosses the sandbox's border, what the log holds and what a hash covers.
 *
 * JSON values give plain JSON. Map, Set, Date, BigInt, typed arrays, ArrayBuffer, `undefined`, NaN, infinities and -0
 * are kept as `{"$type": …, "value": …}`, an Error as its name and message, a class instance as what its `toJSON` gives
 * or else its own enumerable properties. An object that has a `$type` of its own is escaped, so that it comes back as it was.
 * Throws `sandbox/bad-value` for functions, symbols, promises, regular expressions, cycles and more than 256 levels.
 */
export function encode(value: unknown): string {
  try {
    return host.encode(value)
  } catch (error) {
    throw TroupeError.wrap(error, 'sandbox/bad-value')
  }
}

/**
 * The value of a text that `encode` wrote. Safe on hostile text: a `__proto__` key becomes a property of its own,
 * an unknown or malformed tag and more than 256 levels throw `sandbox/bad-value`.
 */
export function decode(text: string): unknown {
  return host.decode(text)
}

/**
 * Makes a codec. The sandbox's guest runs the source text of this very function, so it refers to nothing outside itself,
 * and it takes every builtin it needs when it is called: code that runs later cannot change what it does by patching
 * `JSON` or a prototype. For the same reason it assigns no new array elements and uses no iterator, spread or method call.
 */
export function createCodec({ fail, trusted, maxDepth }: CodecOptions): Codec {
  type Container = Record<string, unknown>
  interface View {
    new (buffer: ArrayBuffer): object
    readonly BYTES_PER_ELEMENT: number
  }
  interface Place {
    readonly value: object
    readonly key: string
    readonly up: Place | null
    readonly depth: number
  }

  const { stringify, parse } = JSON
  const { apply, getPrototypeOf, defineProperty } = Reflect
  const { keys: keysOf, getOwnPropertyDescriptor } = Object
  const isArray = Array.isArray
  const [objectProto, hasOwn, tagOf] = [Object.prototype, Object.prototype.hasOwnProperty, Object.prototype.toString]
  const [MapC, mapSet, mapEach] = [Map, Map.prototype.set, Map.prototype.forEach]
  const [SetC, setAdd, setEach] = [Set, Set.prototype.add, Set.prototype.forEach]
  const [DateC, dateTime, dateIso, dateParse] = [Date, Date.prototype.getTime, Date.prototype.toISOString, Date.parse]
  const [BigIntC, ErrorC, SyntaxErrorC, BytesC, StringC] = [BigInt, Error, SyntaxError, Uint8Array, String]
  const [includes, slice, codeAt, exec] = [
    String.prototype.includes,
    String.prototype.slice,
    String.prototype.charCodeAt,
    RegExp.prototype.exec,
  ]
  const typedProto = getPrototypeOf(Uint8Array.prototype) as object
  const getterOf = (of: object, key: string | symbol): (() => unknown) => (getOwnPropertyDescriptor(of, key) as { get: () => unknown }).get
  const [typedTag, typedBuffer, typedOffset, typedBytes] = [
    getterOf(typedProto, Symbol.toStringTag),
    getterOf(typedProto, 'buffer'),
    getterOf(typedProto, 'byteOffset'),
    getterOf(typedProto, 'byteLength'),
  ]
  const toBase64 = getOwnPropertyDescriptor(Uint8Array.prototype, 'toBase64')?.value as (() => string) | undefined
  const fromBase64 = getOwnPropertyDescriptor(Uint8Array, 'fromBase64')?.value as ((text: string) => Uint8Array) | undefined
  const bufferBytes = getterOf(ArrayBuffer.prototype, 'byteLength')
  const sliceBuffer = ArrayBuffer.prototype.slice
  const [BIGINT, ISO, BASE64] = [
    /^-?\d+$/,
    /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  ]
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const VIEWS: Record<string, View | undefined> = {
    __proto__: null as never,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  }
  const matches = (pattern: RegExp, text: unknown): text is string => typeof text === 'string' && apply(exec, pattern, [text]) !== null

  function pathOf(place: Place | null, key: string): string {
    let path = key
    for (let at = place; at !== null; at = at.up) path = at.key + path
    return path === '' ? 'the value' : `value${path}`
  }
  const refuse = (place: Place | null, key: string, why: string): Error => fail(`${pathOf(place, key)} ${why}`)
  const member = (key: string): string => (matches(/^[A-Za-z_$][\w$]*$/, key) ? `.${key}` : `[${stringify(key)}]`)
  const tag = (type: string, value: string): string => `{"$type":"${type}","value":${value}}`

  function write(value: unknown, up: Place | null, key: string): string {
    switch (typeof value) {
      case 'string':
        return stringify(value)
      case 'number':
        if (value !== value || value === Infinity || value === -Infinity) return tag('number', `"${value}"`)
        return value === 0 && 1 / value < 0 ? tag('number', '"-0"') : `${value}`
      case 'boolean':
        return value ? 'true' : 'false'
      case 'undefined':
        return '{"$type":"undefined"}'
      case 'bigint':
        return tag('bigint', `"${value}"`)
      case 'function':
        throw refuse(up, key, 'is a function: only data can leave or enter the sandbox')
      case 'symbol':
        throw refuse(up, key, 'is a symbol: only data can leave or enter the sandbox')
      case 'object':
        return value === null ? 'null' : writeObject(value, up, key)
      default:
        throw refuse(up, key, `is of the unknown type ${typeof value}`)
    }
  }

  /** Whether `JSON.stringify` alone writes exactly this. The first thing that is not plain ends the walk, so a cycle does too. */
  function isPlain(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true
      case 'number':
        return value - value === 0 && (value !== 0 || 1 / value > 0)
      case 'object':
        if (value === null) return true
        break
      default:
        return false
    }
    if (depth > maxDepth || typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
    if (isArray(value)) {
      for (let i = 0, length = value.length; i < length; i++) {
        const item: unknown = value[i]
        if (typeof item !== 'string' && !(typeof item === 'number' && item - item === 0 && item !== 0) && !isPlain(item, depth + 1))
          return false
      }
      return true
    }
    const proto = getPrototypeOf(value)
    if (proto !== objectProto && proto !== null) return false
    const keys = keysOf(value)
    for (let i = 0, length = keys.length; i < length; i++) {
      const key = keys[i] as string
      const item = (value as Container)[key]
      if (key === '$type') return false
      // Most members are strings and numbers: no call is spent on them.
      if (typeof item !== 'string' && !(typeof item === 'number' && item - item === 0 && item !== 0) && !isPlain(item, depth + 1))
        return false
    }
    return true
  }

  function writeObject(value: object, up: Place | null, key: string): string {
    const depth = up === null ? 1 : up.depth + 1
    if (depth > maxDepth) throw fail(`the value is nested more than ${maxDepth} levels deep`)
    for (let at = up; at !== null; at = at.up)
      if (at.value === value) throw refuse(up, key, 'refers back to an object that contains it: a cycle has no text')
    const here: Place = { value, key, up, depth }
    if (isArray(value)) return writeArray(value, here)
    const proto = getPrototypeOf(value)
    const rich = proto === objectProto || proto === null ? undefined : writeRich(value, here)
    if (rich !== undefined) return rich
    const toJSON = (value as { toJSON?: unknown }).toJSON
    if (typeof toJSON !== 'function') return writeProperties(value, here)
    const json: unknown = apply(toJSON, value, [''])
    return typeof json === 'object' && json !== null && !isArray(json) && (json === value || getPrototypeOf(json) === objectProto)
      ? writeProperties(json, here)
      : write(json, here, '.toJSON()')
  }

  function writeArray(list: readonly unknown[], here: Place): string {
    let text = '['
    for (let i = 0, length = list.length; i < length; i++) {
      const item = list[i]
      if (i > 0) text += ','
      text += typeof item === 'string' ? stringify(item) : write(item, here, `[${i}]`)
    }
    return text + ']'
  }

  function writeProperties(value: object, here: Place): string {
    const keys = keysOf(value)
    let text = '{'
    let imitates = false
    for (let i = 0, length = keys.length; i < length; i++) {
      const key = keys[i] as string
      if (key === '$type') imitates = true
      const item = (value as Container)[key]
      if (i > 0) text += ','
      text += stringify(key) + ':'
      text +=
        typeof item === 'string'
          ? stringify(item)
          : typeof item === 'object' && item !== null
            ? writeObject(item, here, member(key))
            : write(item, here, member(key))
    }
    text += '}'
    return imitates ? tag('Object', text) : text
  }

  /** The tagged text of a builtin, or undefined for an instance of another class. A false brand makes the captured method throw. */
  function writeRich(value: object, here: Place): string | undefined {
    const view = apply(typedTag, value, []) as string | undefined
    if (view !== undefined) {
      const bytes = new BytesC(
        apply(typedBuffer, value, []) as ArrayBuffer,
        apply(typedOffset, value, []) as number,
        apply(typedBytes, value, []) as number,
      )
      if (VIEWS[view] === undefined) throw refuse(here.up, here.key, `is a ${view}, which cannot cross: use another typed array`)
      return tag(view, `"${toText(bytes)}"`)
    }
    switch (apply(tagOf, value, [])) {
      case '[object Map]': {
        let text = ''
        apply(mapEach, value, [
          (item: unknown, key: unknown) => {
            text += `${text === '' ? '' : ','}[${write(key, here, '.key')},${write(item, here, '.entry')}]`
          },
        ])
        return tag('Map', `[${text}]`)
      }
      case '[object Set]': {
        let text = ''
        apply(setEach, value, [
          (item: unknown) => {
            text += `${text === '' ? '' : ','}${write(item, here, '.member')}`
          },
        ])
        return tag('Set', `[${text}]`)
      }
      case '[object Date]': {
        const time = apply(dateTime, value, [])
        return tag('Date', time === time ? `"${apply(dateIso, value, [])}"` : 'null')
      }
      case '[object ArrayBuffer]':
        return tag('ArrayBuffer', `"${toText(new BytesC(value as ArrayBuffer))}"`)
      case '[object Error]': {
        const { name, message } = value as Error
        return tag('Error', `{"name":${stringify(StringC(name))},"message":${stringify(StringC(message))}}`)
      }
      case '[object Promise]':
        throw refuse(here.up, here.key, 'is a promise: await it first')
      case '[object RegExp]':
        throw refuse(here.up, here.key, 'is a regular expression: send its source as a string')
      case '[object WeakMap]':
      case '[object WeakSet]':
      case '[object WeakRef]':
        throw refuse(here.up, here.key, 'holds weak references, which have no text')
      default:
        return undefined
    }
  }

  function toText(bytes: Uint8Array): string {
    if (toBase64 !== undefined) return apply(toBase64, bytes, [])
    let text = ''
    for (let i = 0; i < bytes.length; i += 3) {
      const b = bytes[i + 1]
      const c = bytes[i + 2]
      const word = ((bytes[i] as number) << 16) | ((b ?? 0) << 8) | (c ?? 0)
      text += (ALPHABET[word >> 18] as string) + (ALPHABET[(word >> 12) & 63] as string)
      text += (b === undefined ? '=' : (ALPHABET[(word >> 6) & 63] as string)) + (c === undefined ? '=' : (ALPHABET[word & 63] as string))
    }
    return text
  }

  function toBytes(text: unknown, type: string): Uint8Array {
    if (typeof text !== 'string' || (text.length <= 1024 && !matches(BASE64, text))) throw fail(`bad tag ${type}: not Base64`)
    if (fromBase64 !== undefined) return apply(fromBase64, BytesC, [text])
    const padding = text[text.length - 2] === '=' ? 2 : text[text.length - 1] === '=' ? 1 : 0
    if (text.length % 4 !== 0) throw fail(`bad tag ${type}: not Base64`)
    const bytes = new BytesC((text.length / 4) * 3 - padding)
    for (let i = 0, at = 0; i < text.length; i += 4) {
      let word = 0
      for (let j = i; j < i + 4; j++) {
        const value = sextet(apply(codeAt, text, [j]), j >= text.length - padding)
        if (value < 0) throw fail(`bad tag ${type}: not Base64`)
        word = (word << 6) | value
      }
      for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = (word >> shift) & 255
    }
    return bytes
  }

  function sextet(code: number, padding: boolean): number {
    if (padding) return code === 61 ? 0 : -1
    if (code >= 65 && code <= 90) return code - 65
    if (code >= 97 && code <= 122) return code - 71
    if (code >= 48 && code <= 57) return code + 4
    return code === 43 ? 62 : code === 47 ? 63 : -1
  }

  function read(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (depth > maxDepth) throw fail(`the value is nested more than ${maxDepth} levels deep`)
    if (isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const item: unknown = value[i]
        if (typeof item === 'object' && item !== null) value[i] = read(item, depth + 1)
      }
      return value
    }
    return apply(hasOwn, value, ['$type']) ? readTag(value as Container, depth) : readProperties(value as Container, depth)
  }

  /** Replaces in place. Every key is an own property already, `__proto__` too, so that no setter of a prototype can run. */
  function readProperties(value: Container, depth: number): Container {
    const keys = keysOf(value)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      const item = value[key]
      if (typeof item === 'object' && item !== null) value[key] = read(item, depth + 1)
    }
    return value
  }

  function readTag(tagged: Container, depth: number): unknown {
    const type = tagged.$type
    const keys = keysOf(tagged)
    if (type === 'undefined' && keys.length === 1) return undefined
    if (typeof type !== 'string' || keys.length !== 2 || !apply(hasOwn, tagged, ['value']))
      throw fail(`bad tag ${stringify(type)}: expected {"$type", "value"}`)
    const value = tagged.value
    switch (type) {
      case 'number':
        if (value === 'NaN') return NaN
        if (value === 'Infinity') return Infinity
        if (value === '-Infinity') return -Infinity
        if (value === '-0') return -0
        break
      case 'bigint':
        if (matches(BIGINT, value)) return BigIntC(value)
        break
      case 'Date': {
        if (value === null) return new DateC(NaN)
        const time = matches(ISO, value) ? dateParse(value) : NaN
        if (time === time) return new DateC(time)
        break
      }
      case 'Error':
        if (
          typeof value === 'object' &&
          value !== null &&
          typeof (value as Error).name === 'string' &&
          typeof (value as Error).message === 'string'
        ) {
          const error = new ErrorC((value as Error).message)
          defineProperty(error, 'name', {
            __proto__: null,
            value: (value as Error).name,
            writable: true,
            configurable: true,
            enumerable: false,
          } as PropertyDescriptor)
          return error
        }
        break
      case 'Object':
        if (typeof value === 'object' && value !== null && !isArray(value)) return readProperties(value as Container, depth)
        break
      case 'Map':
        if (isArray(value)) return readMap(value, depth)
        break
      case 'Set':
        if (isArray(value)) {
          const set = new SetC()
          for (let i = 0; i < value.length; i++) apply(setAdd, set, [read(value[i], depth + 1)])
          return set
        }
        break
      case 'ArrayBuffer':
        return exactBuffer(toBytes(value, type))
      default: {
        const View = VIEWS[type]
        if (View === undefined) throw fail(`bad tag ${stringify(type)}: no such type`)
        const buffer = exactBuffer(toBytes(value, type))
        if (buffer.byteLength % View.BYTES_PER_ELEMENT === 0) return new View(buffer)
      }
    }
    throw fail(`bad tag ${stringify(type)}: its value does not fit`)
  }

  function exactBuffer(bytes: Uint8Array): ArrayBuffer {
    const buffer = apply(typedBuffer, bytes, []) as ArrayBuffer
    const length = apply(typedBytes, bytes, []) as number
    return apply(bufferBytes, buffer, []) === length ? buffer : apply(sliceBuffer, buffer, [0, length])
  }

  function readMap(entries: readonly unknown[], depth: number): Map<unknown, unknown> {
    const map = new MapC<unknown, unknown>()
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]
      if (!isArray(entry) || entry.length !== 2) throw fail('bad tag "Map": an entry is not a pair')
      apply(mapSet, map, [read(entry[0], depth + 1), read(entry[1], depth + 1)])
    }
    return map
  }

  return {
    encode: (value) => (isPlain(value, 1) ? stringify(value) : write(value, null, '')),
    decode(text) {
      let parsed: unknown
      try {
        parsed = parse(text)
      } catch (error) {
        // Anything else is the guest's own trouble, such as memory.
        if (!(error instanceof SyntaxErrorC)) throw error
        throw fail(`not JSON: ${apply(slice, text, [0, 80])}`)
      }
      return trusted && !apply(includes, text, ['"$type"']) ? parsed : read(parsed, 1)
    },
  }
}
