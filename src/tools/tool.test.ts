import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { TroupeError } from '../errors/troupe-error.ts'
import { tool } from './tool.ts'

const options = { name: 'quote', description: 'Closing prices.', input: z.object({ symbol: z.string() }), run: () => 1 }

describe('tool', () => {
  test('is the identity plus a mark; the options are not touched', () => {
    const frozen = Object.freeze({ ...options })
    expect(tool(frozen)).toEqual({ ...options, type: 'tool' })
  })

  test('asks nothing of the schemas: a schema that cannot be shown fails at first use, not here', () => {
    expect(tool({ ...options, input: z.object({ at: z.symbol() }) }).type).toBe('tool')
  })

  test.each([
    '',
    '1a',
    'a-b',
    'a b',
    'ünder',
    '_a',
    'a'.repeat(65),
    'delete',
    'class',
    'lambda',
    'print',
    'Print',
    'console',
    'fetch',
    'list',
    'Map',
    'tools',
    'finalAnswer',
    'final_answer',
    'FinalAnswer',
    'toString',
    'hasOwnProperty',
  ])('refuses the name %j', (name) => {
    expect(() => tool({ ...options, name })).toThrow(
      expect.objectContaining({ code: 'tool/bad-name', message: expect.stringContaining(JSON.stringify(name)) }),
    )
  })

  test.each(['a', 'a'.repeat(64), 'readContext', 'read_context', 'getURL', 'Quote', 'search', 'x1', 'get'])('takes the name %j', (name) => {
    expect(tool({ ...options, name }).name).toBe(name)
  })

  test.each([
    ['description', ' '],
    ['input', { symbol: 'string' }],
    ['output', 'string'],
    ['run', undefined],
    ['timeoutMs', 0],
    ['timeoutMs', Number.NaN],
  ])('refuses a wrong %s from untyped code and says which tool', (option, value) => {
    const wrong: object = { ...options, [option]: value }
    const error = thrownBy(() => tool(wrong as typeof options))
    expect(TroupeError.is(error, 'config/invalid')).toBe(true)
    expect(String(error)).toContain(`tool 'quote': ${option} must be`)
  })
})

function thrownBy(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
