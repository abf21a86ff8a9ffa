import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../util/codec.ts'
import { namedArguments } from './arguments.ts'
import { showPython } from './show.ts'
import { pythonOfText, textOfPython } from './values.ts'

const tuple = (...items: unknown[]): unknown => Object.assign(items, { __tuple__: true })
const when = {
  __monty_type__: 'DateTime',
  year: 2020,
  month: 1,
  day: 2,
  hour: 3,
  minute: 4,
  second: 5,
  microsecond: 6_000,
  offsetSeconds: 3_600,
}

describe('values of Python', () => {
  it.each([
    [new Map([['a', [1, null]]]), { a: [1, null] }],
    [new Map([[1, 2]]), new Map([[1, 2]])],
    [tuple(1, tuple(2)), [1, [2]]],
    [new Set([tuple(1)]), new Set([[1]])],
    [Buffer.from('ab'), new Uint8Array([97, 98])],
    [2n ** 80n, 2n ** 80n],
    [when, new Date('2020-01-02T02:04:05.006Z')],
    [{ __monty_type__: 'Date', year: 2020, month: 1, day: 2 }, '2020-01-02'],
    [new Map([['__proto__', 1]]), JSON.parse('{"__proto__":1}')],
    [new Map([['$type', 'Map']]), { $type: 'Map' }],
  ])('leave as %s', (given, expected) => {
    expect(decode(textOfPython(given))).toEqual(expected)
  })

  it.each([
    { __monty_type__: 'TimeDelta', days: 1, seconds: 0, microseconds: 0 },
    { __monty_type__: 'Type', value: 'int' },
  ])('do not leave when there is no data in them', (value) => {
    expect(() => textOfPython([value])).toThrow(expect.objectContaining({ code: 'sandbox/bad-value' }))
  })

  it.each([
    [undefined, null],
    [{ a: undefined }, new Map([['a', null]])],
    [new Uint8Array([1]), Buffer.from([1])],
    [new Float64Array([0.5]), [0.5]],
    [new Map([[[1], 2]]), new Map([[tuple(1), 2]])],
    [{ __monty_type__: 'DateTime' }, new Map([['__monty_type__', 'DateTime']])],
    [new Date(5), { ...when, year: 1970, day: 1, hour: 0, minute: 0, second: 0, microsecond: 5_000, offsetSeconds: 0 }],
    [new Date(NaN), null],
  ])('enter from %s', (given, expected) => {
    expect(pythonOfText(encode(given))).toEqual(expected)
  })
})

describe('arguments', () => {
  const tool = { name: 'readRows', parameters: ['fileName', 'maxRows'], signature: 'read_rows(file_name, max_rows)' }
  it.each([
    [['a'], {}, { fileName: 'a' }],
    [['a', 2], {}, { fileName: 'a', maxRows: 2 }],
    [[], { file_name: 'a', maxRows: 2 }, { fileName: 'a', maxRows: 2 }],
    [['a'], { max_rows: 2 }, { fileName: 'a', maxRows: 2 }],
    [[new Map([['fileName', 'b']])], {}, { fileName: 'b' }],
    [[new Map([[1, 2]])], {}, { fileName: new Map([[1, 2]]) }],
    [[], { other: 1 }, { other: 1 }],
  ])('%j %j', (args, kwargs, expected) => {
    expect(namedArguments(tool, args, kwargs)).toEqual(expected)
  })

  it('that do not fit are refused with the signature', () => {
    expect(() => namedArguments(tool, [1, 2, 3], {})).toThrow('read_rows(file_name, max_rows)')
    expect(() => namedArguments(tool, [1], { file_name: 2 })).toThrow("two values for 'fileName'")
  })
})

describe('what is shown', () => {
  it.each([
    [null, ''],
    ['a', 'a'],
    [[true, null, "it's", NaN, -0], `[True, None, "it's", nan, -0.0]`],
    [tuple(1), '(1,)'],
    [new Map([['a', new Set([1])]]), "{'a': {1}}"],
    [new Set(), 'set()'],
    [Buffer.from('x'), "b'x'"],
    [when, '2020-01-02 03:04:05'],
    [Array.from({ length: 102 }, () => 1), `[${'1, '.repeat(100)}… 2 more]`],
  ])('of %j', (value, text) => {
    expect(showPython(value, 10_000)).toBe(text)
  })

  it('is cut', () => {
    expect(showPython('x'.repeat(1_000), 100).length).toBeLessThan(150)
    expect(
      showPython(
        Array.from({ length: 1_000 }, () => 'x'),
        100,
      ).length,
    ).toBeLessThan(200)
  })
})
