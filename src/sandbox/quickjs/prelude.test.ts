import { afterAll, describe, expect, it } from 'vitest'
import { decode, encode } from '../../util/codec.ts'
import { drive, type Driven, type DriveOptions } from '../../testing/sandbox-conformance/drive.ts'
import { limitsOf } from '../limits.ts'
import { quickjs } from './quickjs.ts'

const sandbox = quickjs({ workers: 1 })
afterAll(() => sandbox[Symbol.asyncDispose]())

async function run(code: string, options?: DriveOptions, before: readonly string[] = []): Promise<Driven> {
  const session = await sandbox.open({
    language: 'typescript',
    limits: limitsOf({ memoryMb: 64 }),
    tools: [{ name: 'echo', parameters: ['value', 'more'], signature: 'echo(input: { value: unknown })' }],
    context: {},
  })
  try {
    for (const source of before) await drive(session, source)
    return await drive(session, code, options)
  } finally {
    await session[Symbol.asyncDispose]()
  }
}

/** What a spiteful guest can reach of the builtins, made to throw or lie. */
const SABOTAGE = `
  const boom = () => { throw new Error('sabotage') }
  for (const C of [Object, Array, Map, Set, Date, String, RegExp, Promise, Error, Function, Uint8Array, ArrayBuffer, WeakSet, Symbol, Number, BigInt]) {
    for (const key of Reflect.ownKeys(C.prototype)) if (key !== 'constructor') try { C.prototype[key] = boom } catch {}
    for (const key of Reflect.ownKeys(C)) if (key !== 'prototype') try { C[key] = boom } catch {}
  }
  for (const N of [JSON, Math]) for (const key of Reflect.ownKeys(N)) try { N[key] = boom } catch {}
  globalThis.JSON = globalThis.Map = globalThis.Promise = globalThis.Reflect = undefined
`

describe('the guest', () => {
  it('works on after every builtin was sabotaged', async () => {
    const { value, prints, calls } = await run(
      'console.log("still", { a: [1, "b"] }); const got = await echo({ value: [1, { a: null }] }); got.value',
      {},
      [SABOTAGE],
    )
    expect(prints).toEqual(['still { a: [1, "b"] }'])
    expect(calls).toEqual([{ tool: 'echo', args: { value: [1, { a: null }] } }])
    expect(value).toEqual([1, { a: null }])
  })

  it('is not led astray by setters on prototypes', async () => {
    const { value, calls, error } = await run(
      'const a = await echo({ value: [new Map([[1, 2]]), { a: undefined }] }); const b = await echo("x", 2); [a.value[0].get(1), b]',
      {},
      [
        `for (const key of ['get', 'set', 'writable', 'enumerable', 'resolve', 'tool', 'more']) for (const proto of [Object.prototype, Array.prototype]) Reflect.defineProperty(proto, key, { set() { throw new Error('setter') }, get() { return undefined }, configurable: true })`,
      ],
    )
    expect(error).toBe(null)
    expect(calls).toEqual([
      { tool: 'echo', args: { value: [new Map([[1, 2]]), { a: undefined }] } },
      { tool: 'echo', args: { value: 'x', more: 2 } },
    ])
    expect(value).toEqual([2, { value: 'x', more: 2 }])
  })

  it('fails in its own code alone where the engine itself meets such a setter', async () => {
    const { error, end } = await run('await echo("x")', {}, [
      "for (const key of ['0', 'value']) Reflect.defineProperty(Object.prototype, key, { set() { throw new Error('setter') }, configurable: true })",
    ])
    expect({ kind: error?.kind, poisoned: end.poisoned }).toEqual({ kind: 'error', poisoned: false })
  })

  it('encodes exactly as the host does', async () => {
    const literal =
      '[{ m: new Map([[{ k: 1n }, new Set([-0, NaN])]]), d: [new Date(1e12), new Date(NaN)], b: [new Uint8Array([0, 255, 7]), new Float32Array([1.5]).buffer, new BigInt64Array([-9n])], u: [undefined, { u: undefined }], t: { $type: "Map", value: [] }, s: "\\ud800é\\u2028\\"", n: [1e21, 1e-7, 0.1, -5], p: JSON.parse(\'{"__proto__":{"a":1}}\'), e: new RangeError("x"), c: new (class A { x = new Date(0) })() }]'
    // oxlint-disable-next-line typescript/no-implied-eval -- one text for both sides is the point of this test
    const value: unknown = new Function(`return ${literal}`)()
    const { frames } = await run(`await echo({ value: ${literal} })`)
    const sent = frames.find((frame) => frame.type === 'call')
    expect(sent?.args).toBe(encode({ value }))
    expect(encode(decode(sent?.args ?? ''))).toBe(sent?.args)
  })

  it('refuses to send what is no data, where the model can catch it', async () => {
    const { value, calls } = await run(
      'const said = []; for (const bad of [() => 1, Promise.resolve(), /x/, Symbol("s")]) try { await echo({ value: bad }) } catch (error) { said.push(error.message) } said',
    )
    expect(calls).toEqual([])
    expect(value).toEqual([
      expect.stringContaining('value.value is a function'),
      expect.stringContaining('await it first'),
      expect.stringContaining('regular expression'),
      expect.stringContaining('symbol'),
    ])
  })

  it.each([
    ['({ a: 1, "b c": ["x", null] })', '{ a: 1, "b c": ["x", null] }'],
    ['new Map([["a", new Set([1])]])', 'Map(1) { "a" => Set(1) { 1 } }'],
    ['class P { x = 1; get y() { return 2 } }; new P()', 'P { x: 1 }'],
    ['(function named() {})', '[Function: named]'],
    ['"text"', 'text'],
    ['undefined', ''],
    ['null', 'null'],
    ['[1n, -0, NaN]', '[1n, -0, NaN]'],
    ['new Date(0)', '1970-01-01T00:00:00.000Z'],
    ['new RangeError("far")', '[RangeError: far]'],
    ['({ get trap() { throw 1 } })', '{ trap: [Getter] }'],
    ['const o = {}; o.o = o; o', '{ o: [Circular] }'],
    ['Array.from({ length: 200 }, (_, i) => i)', expect.stringMatching(/^\[0, 1, .*, … 100 more\]$/)],
    ['"x".repeat(100_000)', expect.stringMatching(/^x{4000} … 92000 characters left out … x{4000}$/)],
    ['new Proxy({ a: 1 }, { ownKeys() { throw 1 } })', '[a value that cannot be shown]'],
    ['[new Uint8Array(3)]', '[Uint8Array(3) [0, 0, 0]]'],
  ])('shows %s', async (code, preview) => {
    const { end } = await run(code)
    expect(end.execution).toMatchObject({ type: 'value', preview })
  })

  it('gives no value for what cannot leave, and shows it', async () => {
    const { end } = await run('({ f() {} })')
    expect(end.execution).toEqual({ type: 'value', preview: '{ f: [Function: f] }' })
  })

  it.each([
    ['setTimeout(() => {}, 1)', 'no timers'],
    ['fetch("https://a.example")', 'no network'],
    ['require("fs")', 'no modules'],
    ['await import("fs")', 'no modules'],
    ['eval("1")', 'eval'],
    ['new Function("1")', 'new Function'],
    ['(function* () {}).constructor("1")', 'new Function'],
    ['Reflect.construct(Object.getPrototypeOf(async function* () {}).constructor, ["1"])', 'new Function'],
  ])('says why %s is not there', async (code, message) => {
    expect((await run(code)).error).toMatchObject({ kind: 'denied', message: expect.stringContaining(message) as string })
  })

  it('hides its own functions', async () => {
    expect(
      (await run('[String(echo), String(console.log), Object.keys(globalThis).filter((key) => /settle|drain|begin|mute|halt/.test(key))]'))
        .value,
    ).toEqual([expect.not.stringContaining('start('), expect.not.stringContaining('print('), []])
    expect((await run('(() => { "use strict"; try { return echo.caller } catch { return "none" } })()')).value).not.toBeInstanceOf(Object)
  })

  it('starts each step with calls numbered from 1 and forgets what a stopped step left', async () => {
    const { frames } = await run('await echo({ value: 2 })', {}, [
      'void echo({ value: 1 }).then(() => { for (;;) console.log("zombie") }); finalAnswer(1)',
    ])
    expect(
      frames.flatMap((frame) => (frame.type === 'call' ? [`${frame.call} ${frame.args}`] : frame.type === 'print' ? [frame.text] : [])),
    ).toEqual(['1 {"value":2}'])
  })
})
