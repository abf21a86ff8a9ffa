import { describe, expect, it } from 'vitest'
import { jsonCopy } from './json-copy.ts'

class Point {
  readonly x: number = 1
}

const withProto: unknown = JSON.parse('{"__proto__":{"a":1},"b":2}')
const shared = { a: [1] }
let deep: unknown = 1
for (let i = 0; i < 80; i++) deep = { deep }

const VALUES: Readonly<Record<string, unknown>> = {
  plain: { b: 1, a: [true, null, 'ä\ud800"', { 2: 'x', 1: [] }] },
  numbers: [0, -0, 1.5, 1e300, NaN, Infinity, -Infinity],
  undefined,
  'a function': () => 1,
  'a symbol': Symbol('s'),
  'what an object loses': { a: undefined, b: () => 1, c: Symbol('s'), d: 1 },
  'what a list cannot lose': [undefined, () => 1, Symbol('s')],
  holes: Object.assign([1], { 2: 3 }),
  'its own toJSON': { toJSON: () => ({ a: 1 }) },
  'a date': new Date(0),
  'a map': new Map([[1, 2]]),
  'an instance': new Point(),
  'no prototype': Object.assign(Object.create(null), { a: 1 }),
  'boxed values': [Object(1), Object('a'), Object(true)],
  'names of prototypes': { toString: 1, constructor: 2, hasOwnProperty: 3 },
  'a key __proto__': withProto,
  'one thing twice': [shared, shared],
  'deep nesting': deep,
  bytes: new Uint8Array([1, 2]),
  'symbol keys': { [Symbol('s')]: 1, a: 2 },
  'a list with more': Object.assign([1], { more: 2 }),
  'a getter': Object.defineProperty({}, 'a', { get: () => ({ b: 1 }), enumerable: true }),
}

describe('jsonCopy', () => {
  it.each(Object.keys(VALUES))('does what JSON does: %s', (name) => {
    const value = VALUES[name]
    const wanted: unknown = JSON.parse(JSON.stringify(value) ?? 'null')
    const copy = jsonCopy(value)
    expect(copy).toStrictEqual(wanted)
    expect(JSON.stringify(copy)).toBe(JSON.stringify(wanted))
  })

  it('knows no -0', () => expect(Object.is(jsonCopy(-0), 0)).toBe(true))

  it('shares nothing with what it is given', () => {
    const [one, other] = jsonCopy([shared, shared]) as unknown as (typeof shared)[]
    expect(one).not.toBe(other)
    expect(one?.a).not.toBe(shared.a)
  })

  it('throws what JSON throws', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(() => jsonCopy(cycle)).toThrow(TypeError)
    expect(() => jsonCopy({ a: 1n })).toThrow(TypeError)
  })
})
