import { describe, expect, it } from 'vitest'
import { prepare, type Prepared } from './prepare.ts'

const run = (source: string): Prepared =>
  prepare(source, {
    fixedNames: new Map([
      ['quote', 'a tool'],
      ['console', 'where prints go'],
    ]),
    sourceLimits: true,
  })
const js = (source: string): string => {
  const prepared = run(source)
  if (prepared.type !== 'ready') throw new Error(prepared.error.message)
  return prepared.js.trim()
}

describe('prepare', () => {
  it.each([
    ['1 + 1', 'await (1 + 1)'],
    ['1 + 1;', 'await (1 + 1);'],
    ['(1, 2)', 'await ((1, 2))'],
    ['await f()', 'await f()'],
    ['f() // last', 'await (f()) // last'],
    ['const a = 1', 'var a = 1;void 0'],
    ['let a', 'var a=undefined;void 0'],
    ['let a, b = 2; a', 'var a=undefined, b = 2; await (a)'],
    ['var a; a', 'var a; await (a)'],
    ['const { a, b: [c] } = d; c', 'var { a, b: [c] } = d; await (c)'],
    ['class A {}\nnew A()', 'var A=class A {};\nawait (new A())'],
    ['function f() {}', 'function f() {};void 0'],
    ['export const a = 1; a', 'var a = 1; await (a)'],
    ['const a = 1; export { a }', 'var a = 1; ;void 0'],
    ['export default function f() {}', 'function f() {};void 0'],
    ['for (const a of b) { let c = a }', 'for (const a of b) { let c = a };void 0'],
    ['if (a) b', 'if (a) b;void 0'],
    ['{ const a = 1 }', '{ const a = 1 };void 0'],
    ['', ''],
  ])('%s', (source, expected) => {
    expect(js(source)).toBe(expected)
  })

  it('strips types and keeps every line', () => {
    const source = 'interface A { b: number }\ntype C = A\nconst a: A =\n  { b: 1 }\nf<number>(a as C)'
    expect(js(source).split('\n').length).toBeLessThanOrEqual(source.split('\n').length)
    expect(js(source)).toContain('await (f        (a     ))')
  })

  it('maps lines back where enums and parameter properties move them', () => {
    const prepared = run('enum A { X, Y }\n\nclass B { constructor(private readonly c: number) {} }\nfail()')
    if (prepared.type !== 'ready') throw new Error(prepared.error.message)
    const line = prepared.js.split('\n').findIndex((text) => text.includes('fail()')) + 1
    expect(line).toBeGreaterThan(4)
    expect(prepared.lineOf(line)).toBe(4)
  })

  it.each([
    ['import fs from "node:fs"', 'denied', 1, 'quote'],
    ['\nexport * from "a"', 'denied', 2, 'no modules'],
    ['const quote = 1', 'denied', 1, "Cannot overwrite 'quote': it is a tool"],
    ['1\nfunction console() {}', 'denied', 2, 'where prints go'],
    ['const { a = 1, ...quote } = {}', 'denied', 1, 'quote'],
    ['let a = 1\nlet b = = 2', 'syntax', 2, 'Expression expected'],
    ['const a = 1\nconst a = 2', 'syntax', undefined, ''],
    ['return 1', 'syntax', 1, ''],
    ['('.repeat(600), 'syntax', 1, 'nested'],
    ['x'.repeat(1_100_000), 'syntax', undefined, 'characters'],
  ])('refuses %#', (source, kind, line, message) => {
    const prepared = run(source)
    if (prepared.type === 'ready') throw new Error(`it was accepted: ${prepared.js}`)
    expect(prepared.error).toMatchObject({ kind, message: expect.stringContaining(message) as string, ...(line !== undefined && { line }) })
  })
})
