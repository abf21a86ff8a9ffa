import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { parseResult, parseTask, resultMessage, taskMessage } from './wire.ts'

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const SHAPE = { name: 'words!', note: 'text', count: 'number', on: 'flag', more: 'object', caps: 'numbers', list: 'texts' } as const

describe('the fields of a message', () => {
  it('are given when each is what it has to be', () => {
    const body = { name: 'a', note: '', count: 0, on: false, more: { x: [1] }, caps: { tokens: 5 }, list: [] }
    expect(fieldsOf(bytes(body), SHAPE)).toEqual(body)
    expect(fieldsOf(bytes({ name: 'a' }), SHAPE)).toEqual({ name: 'a' })
  })

  it.each([
    ['not JSON', Buffer.from('{'), /no JSON text/],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
    ['null', bytes(null), /the body is null/],
    ['a list', bytes([]), /the body is \[\]/],
    ['an unknown field', bytes({ name: 'a', nmae: 'b' }), /no field 'nmae': there are name, note/],
    ['a field of the prototype', Buffer.from('{"name":"a","toString":1}'), /no field 'toString'/],
    ['a missing field', bytes({ note: 'a' }), /'name' is missing: it has to be a text that is not empty/],
    ['null for an optional field', bytes({ name: 'a', note: null }), /'note' is null/],
    ['a text for a number', bytes({ name: 'a', count: '1' }), /'count' is "1": it has to be a number/],
    ['a list for an object', bytes({ name: 'a', more: [] }), /'more' is \[\]/],
    ['a text among numbers', bytes({ name: 'a', caps: { tokens: 'x' } }), /'caps' is/],
    ['a number among texts', bytes({ name: 'a', list: [1] }), /'list' is \[1\]/],
    ['a long value, cut', bytes({ name: 'a', on: 'x'.repeat(500) }), /'on' is "x{79}…: it/],
  ])('are refused with what is wrong: %s', (_name, content, message) => {
    expect(() => fieldsOf(content, SHAPE)).toThrow(
      expect.objectContaining({ code: 'amqp/bad-message', message: expect.stringMatching(message) as string }),
    )
  })
})

describe('what callers and workers send each other', () => {
  const task = {
    run: 'r1-1.1',
    parentRun: 'r1',
    agent: 'clerk',
    input: { task: 'count', context: { n: 1 }, budget: { tokens: 5 } },
    tenant: 'acme',
  }
  const outcome = { status: 'done', output: 1, usage: { inputTokens: 1, outputTokens: 2 }, runId: 'm1' } as const

  it('arrives as it was sent', () => {
    expect(parseTask(taskMessage(task, 'back').content)).toEqual(task)
    expect(parseResult(resultMessage(task, outcome, 'back').content)).toEqual({ run: 'r1-1.1', parentRun: 'r1', outcome })
  })

  it('is refused when its version is another', () => {
    expect(() => parseTask(bytes({ ...task, version: 2 }))).toThrow(/of version 2, and this Troupe reads version 1/)
    expect(() => parseTask(bytes({ ...task, version: 1, input: { task: 5 } }))).toThrow(/'task' is 5/)
  })
})
