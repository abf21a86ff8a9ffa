import { describe, expect, it } from 'vitest'
import { decode, encode, MAX_DEPTH } from './codec.ts'

const RICH: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
  ['a BigInt', 12345678901234567890n],
  ['a negative BigInt', -1n],
  ['a date', new Date('2026-11-20T12:00:00.123Z')],
  ['a far date', new Date(8.64e15)],
  ['an early date', new Date(-8.64e15)],
  ['an invalid date', new Date(NaN)],
  [
    'a map of maps',
    new Map<unknown, unknown>([
      ['a', new Map([[1n, undefined]])],
      [{ key: -0 }, new Set([new Date(0)])],
    ]),
  ],
  ['an empty map', new Map()],
  ['a set', new Set([1, 'a', NaN])],
  ['bytes', new Uint8Array([0, 1, 255])],
  ['no bytes', new Uint8Array()],
  ['two bytes', new Uint8Array([1, 2])],
  ['floats', new Float64Array([0.5, -0, Infinity])],
  ['big integers', new BigInt64Array([-5n])],
  ['clamped bytes', new Uint8ClampedArray([7])],
  ['a part of a buffer', new Uint8Array(new Uint8Array([9, 1, 2, 9]).buffer, 1, 2)],
  ['a buffer', new Uint8Array([3, 4, 5]).buffer],
  ['undefined in a list', [undefined, [undefined]]],
  ['undefined in an object', { a: undefined, b: { c: undefined } }],
  ['lone surrogates', '\ud800 and \udfff'],
  ['a key __proto__', JSON.parse('{"__proto__":{"admin":true},"constructor":1}')],
  ['an imitated tag', { $type: 'Map', value: [] }],
  ['an imitated escape', { $type: 'Object', value: { $type: 'Date', value: null } }],
  ['an imitated tag in a map', new Map([['a', { $type: 'undefined' }]])],
  ['an imitation with more keys', { $type: 1, value: 2, other: new Date(3) }],
  ['an imitation that holds rich values', { $type: 'Set', value: [new Set([1n])] }],
]

describe('encode and decode', () => {
  for (const [name, value] of RICH) {
    it(`keeps ${name}`, () => {
      const text = encode(value)
      expect(decode(text)).toStrictEqual(value)
      expect(encode(decode(text))).toBe(text)
    })
  }

  it('writes JSON values as exactly plain JSON', () => {
    for (const value of [null, true, 0, -1.5, 1e21, 'é"\n\u2028', [], {}, [1, [null]], { a: { b: [{ 'c d': '' }] }, $ref: 1, value: [] }])
      expect(encode(value)).toBe(JSON.stringify(value))
  })

  it('writes class instances as their own enumerable properties, or as what toJSON gives', () => {
    class Point {
      x = 1
      readonly when = new Date(0)
      get sum(): number {
        return 2
      }
    }
    expect(decode(encode({ p: new Point() }))).toEqual({ p: { x: 1, when: new Date(0) } })
    expect(encode(new URL('https://a.example/'))).toBe('"https://a.example/"')
    expect(encode({ toJSON: () => new Map([[1, 2]]) })).toBe(encode(new Map([[1, 2]])))
    expect(encode({ a: 1, toJSON: () => ({ $type: 'Map', value: [] }) })).toBe(encode({ $type: 'Map', value: [] }))
  })

  it('writes errors as name and message', () => {
    const error = decode(encode({ error: new RangeError('too far') })) as { error: Error }
    expect(error.error).toBeInstanceOf(Error)
    expect([error.error.name, error.error.message]).toEqual(['RangeError', 'too far'])
  })

  it('refuses what has no text, and says where it is', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = { cycle }
    const cases: [unknown, string][] = [
      [() => 1, 'the value is a function'],
      [{ a: { 'b c': [1, () => 1] } }, 'value.a["b c"][1] is a function'],
      [Symbol('s'), 'the value is a symbol'],
      [[Promise.resolve()], 'value[0] is a promise'],
      [cycle, 'value.self.cycle refers back'],
      [{ r: /x/ }, 'value.r is a regular expression'],
      [new WeakMap(), 'weak'],
      [
        {
          get bad(): never {
            throw new Error('boom')
          },
        },
        'boom',
      ],
      [deep(MAX_DEPTH + 1), 'nested more than 256'],
      [new Map([[1, () => 1]]), 'is a function'],
    ]
    for (const [value, message] of cases)
      expect(() => encode(value)).toThrow(
        expect.objectContaining({ code: 'sandbox/bad-value', message: expect.stringContaining(message) as string }),
      )
  })

  it('takes exactly 256 levels, both ways', () => {
    expect(decode(encode(deep(MAX_DEPTH)))).toEqual(deep(MAX_DEPTH))
    expect(() => decode(JSON.stringify(deep(MAX_DEPTH + 1)))).toThrow(expect.objectContaining({ code: 'sandbox/bad-value' }))
    expect(() => decode('['.repeat(500_000) + ']'.repeat(500_000))).toThrow(expect.objectContaining({ code: 'sandbox/bad-value' }))
  })

  it('accepts what two places refer to, when it is no cycle', () => {
    const shared = { a: 1n }
    expect(decode(encode([shared, shared]))).toEqual([shared, shared])
  })
})

describe('decode of hostile text', () => {
  it('pollutes no prototype', () => {
    const value = decode(
      '{"__proto__":{"polluted":{"$type":"bigint","value":"1"}},"a":{"__proto__":{"$type":"Map","value":[]}}}',
    ) as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__', 'a'])
    expect('polluted' in {}).toBe(false)
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  for (const text of [
    '',
    '{',
    'undefined',
    '{"$type":"Map"}',
    '{"$type":"Map","value":[1]}',
    '{"$type":"Map","value":[[1]]}',
    '{"$type":"Map","value":{}}',
    '{"$type":"Zed","value":1}',
    '{"$type":"toString","value":"AA=="}',
    '{"$type":"__proto__","value":"AA=="}',
    '{"$type":1,"value":1}',
    '{"$type":"undefined","value":1}',
    '{"$type":"number","value":"1"}',
    '{"$type":"number","value":1}',
    '{"$type":"bigint","value":"1e5"}',
    '{"$type":"bigint","value":""}',
    '{"$type":"Date","value":"yesterday"}',
    '{"$type":"Date","value":"2026-99-99T00:00:00.000Z"}',
    '{"$type":"Date","value":5}',
    '{"$type":"Error","value":{"name":1,"message":""}}',
    '{"$type":"Error","value":null}',
    '{"$type":"Object","value":[]}',
    '{"$type":"Uint8Array","value":"A"}',
    '{"$type":"Uint8Array","value":"A==="}',
    '{"$type":"Uint8Array","value":"A*AA"}',
    '{"$type":"Uint8Array","value":[1]}',
    '{"$type":"Float64Array","value":"AQID"}',
    '{"$type":"Map","value":[],"more":1}',
  ]) {
    it(`refuses ${text || 'nothing'}`, () => {
      expect(() => decode(text)).toThrow(expect.objectContaining({ code: 'sandbox/bad-value' }))
    })
  }
})

function deep(levels: number): unknown {
  let value: unknown[] = []
  for (let i = 1; i < levels; i++) value = [value]
  return value
}
