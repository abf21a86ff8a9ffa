import { describe, expect, it } from 'vitest'
import { jsonIn } from './json-in-text.ts'

describe('jsonIn', () => {
  it.each([
    ['a whole value', '"yes"', 'yes', ''],
    ['words before and after', 'I call: {"name":"a"} now.', { name: 'a' }, 'I call:'],
    ['a fence', 'So:\n```json\n{"a":[1,2]}\n```', { a: [1, 2] }, 'So:'],
    ['brackets in strings', 'x {"a":"} ] \\" {"} y', { a: '} ] " {' }, 'x'],
    ['braces in the words', 'the set {1, 2} is {"a":1}', { a: 1 }, 'the set {1, 2} is'],
  ])('finds %s', (_, text, value, before) => {
    expect(jsonIn(text)).toEqual({ ok: true, value, before })
  })

  it.each([
    ['no JSON', 'just words', 'no JSON'],
    ['JSON that is cut off', '{"name":"a","arguments":{', 'cut off'],
  ])('says what is wrong with %s', (_, text, words) => {
    expect(jsonIn(text)).toMatchObject({ ok: false, problem: expect.stringContaining(words) })
  })

  it('takes a bounded time for many brackets', () => {
    const begun = performance.now()
    jsonIn('['.repeat(20_000))
    expect(performance.now() - begun).toBeLessThan(3_000)
  })
})
