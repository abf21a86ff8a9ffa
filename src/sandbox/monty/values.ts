import { decode, encode } from '../../util/codec.ts'

/** What Monty's binding gives for a Python value that JavaScript has no type for. */
interface Marked {
  readonly __monty_type__: string
  readonly [field: string]: unknown
}

const IMITATES = /"(?:\$type|__monty_type__|__tuple__|__proto__)"/

/**
 * The tagged text of a value that Python gave. A dict with text for all its keys is an object, any other a Map; tuples
 * are lists, a datetime is a Date (one without a zone is taken as UTC) and a date its ISO text. Throws `sandbox/bad-value`.
 */
export function textOfPython(value: unknown): string {
  return encode(fromPython(value, 1))
}

/** The value of a tagged text as Monty's binding takes it. Throws `sandbox/bad-value`. */
export function pythonOfText(text: string): unknown {
  const value = decode(text)
  return IMITATES.test(text) ? toPython(value) : (value ?? null)
}

/** Deeper values are cut off here, and refused by `encode`, whose limit is lower. */
const MAX_DEPTH = 300

export function fromPython(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return Array.from(value as readonly unknown[], (item) => fromPython(item, depth + 1))
  if (value instanceof Map) return fromDict(value, depth)
  if (value instanceof Set) return new Set([...value].map((item) => fromPython(item, depth + 1)))
  if (value instanceof Uint8Array) return new Uint8Array(value)
  return isMarked(value) ? fromMarked(value) : value
}

function fromDict(dict: ReadonlyMap<unknown, unknown>, depth: number): unknown {
  for (const key of dict.keys()) {
    if (typeof key !== 'string') return new Map([...dict].map(([k, item]) => [fromPython(k, depth + 1), fromPython(item, depth + 1)]))
  }
  return objectOf([...dict].map(([key, item]) => [String(key), fromPython(item, depth + 1)]))
}

/** An object with own properties alone, whatever their names. */
export function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {}
  for (const [key, value] of entries) Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  return object
}

export function isMarked(value: object): value is Marked {
  return '__monty_type__' in value && typeof value.__monty_type__ === 'string'
}

function fromMarked(value: Marked): unknown {
  switch (value.__monty_type__) {
    case 'DateTime':
      return new Date(
        Date.UTC(
          int(value.year),
          int(value.month) - 1,
          int(value.day),
          int(value.hour),
          int(value.minute),
          int(value.second),
          Math.floor(int(value.microsecond) / 1000),
        ) -
          int(value.offsetSeconds) * 1000,
      )
    case 'Date':
      return dateText(value)
    case 'Exception':
      return namedError(String(value.excType), String(value.message))
    default:
      // `encode` refuses a function and says where it stands.
      return () => value
  }
}

export function dateText({ year, month, day }: Marked): string {
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

function int(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function namedError(name: string, message: string): Error {
  // plain error: it is a value of the guest
  const error = new Error(message)
  error.name = name
  return error
}

function toPython(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(toPython)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [toKey(key), toPython(item)]))
  if (value instanceof Set) return new Set([...value].map(toKey))
  if (value instanceof Date) return toDateTime(value)
  if (value instanceof Error)
    return new Map([
      ['name', value.name],
      ['message', value.message],
    ])
  if (value instanceof ArrayBuffer) return Buffer.from(value)
  if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) return Buffer.from(value)
  if (ArrayBuffer.isView(value)) return Array.from(value as Int16Array)
  // A Map, because the binding would take an object with certain keys for a date or a tuple.
  return new Map(Object.entries(value).map(([key, item]) => [key, toPython(item)]))
}

/** Lists cannot be keys in Python, tuples can. */
function toKey(value: unknown): unknown {
  if (!Array.isArray(value)) return toPython(value)
  return Object.assign(value.map(toKey), { __tuple__: true })
}

function toDateTime(date: Date): unknown {
  if (Number.isNaN(date.getTime())) return null
  return {
    __monty_type__: 'DateTime',
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    offsetSeconds: 0,
  }
}
