import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from './codes.ts'
import { messageOf, TroupeError } from './troupe-error.ts'

describe('TroupeError', () => {
  it('takes whether it may be tried again from its code, unless told otherwise', () => {
    expect(new TroupeError('model/unavailable', 'x').retryable).toBe(true)
    expect(new TroupeError('tool/failed', 'x').retryable).toBe(false)
    expect(new TroupeError('model/failed', 'x', { retryable: true }).retryable).toBe(true)
  })

  it('is the same after a way through JSON, its cause kept as text', () => {
    const error = new TroupeError('tool/not-found', 'no tool qoute', { details: { closest: 'quote' }, cause: new RangeError('inner') })
    const json: unknown = JSON.parse(JSON.stringify(error))
    expect(json).toEqual({
      code: 'tool/not-found',
      message: 'no tool qoute',
      retryable: false,
      details: { closest: 'quote' },
      cause: 'inner',
    })
    expect(TroupeError.from(json).toJSON()).toEqual(json)
  })

  it('keeps a retryable that its code would not have', () => {
    expect(TroupeError.from(JSON.parse(JSON.stringify(new TroupeError('model/failed', 'x', { retryable: true })))).retryable).toBe(true)
  })

  it('is recognised when it comes from another copy of the package, and by code', () => {
    const foreign: unknown = Object.assign(new Error('x'), { [Symbol.for('troupe.error')]: true, code: 'tool/failed' })
    expect(TroupeError.is(foreign)).toBe(true)
    expect(TroupeError.is(foreign, 'tool/failed')).toBe(true)
    expect(TroupeError.is(foreign, 'tool/timeout')).toBe(false)
  })

  it.each([undefined, null, 'text', 1, {}, new Error('x'), { code: 'tool/failed', message: 'x' }])('is not %j', (value) => {
    expect(TroupeError.is(value)).toBe(false)
  })

  it.each([undefined, null, 'text', {}, { code: 'no/such-code', message: 'x' }, { code: 'tool/failed' }])(
    'says so when %j is no error in JSON',
    (json) => {
      expect(TroupeError.from(json)).toMatchObject({
        code: 'internal/unreachable',
        message: expect.stringContaining('not an error of Troupe'),
      })
    },
  )

  it('wraps what is foreign and leaves its own as it is', () => {
    const own = new TroupeError('tool/failed', 'x')
    expect(TroupeError.wrap(own, 'internal/unreachable')).toBe(own)
    const cause = new Error('disk full')
    expect(TroupeError.wrap(cause, 'tool/failed')).toMatchObject({ code: 'tool/failed', message: 'disk full', cause })
  })

  it('has codes of the one form', () => {
    for (const code of Object.keys(ERROR_CODES)) expect(code).toMatch(/^[a-z]+\/[a-z]+(-[a-z]+)*$/)
  })
})

describe('messageOf', () => {
  const circular: { self?: unknown } = {}
  circular.self = circular

  it.each<[string, unknown, string]>([
    ['an error', new Error('gone'), 'gone'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['text', 'gone', 'gone'],
    ['an object', { status: 500 }, '{"status":500}'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a BigInt', 1n, 'a value that has no text was thrown'],
    ['a circle', circular, 'a value that has no text was thrown'],
    [
      'an object that throws when read',
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
      'a value that has no text was thrown',
    ],
  ])('gives the text of %s', (_, thrown, text) => {
    expect(messageOf(thrown)).toBe(text)
  })
})
