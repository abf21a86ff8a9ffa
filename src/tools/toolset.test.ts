import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { TroupeError } from '../errors/troupe-error.ts'
import { tool, type AnyTool } from './tool.ts'
import { findTool, toolset } from './toolset.ts'

describe('toolset', () => {
  test('finds a tool by its own and by its snake_case name', () => {
    const set = toolset([named('readContext'), named('getURL')])
    expect(findTool(set, 'readContext').name).toBe('readContext')
    expect(findTool(set, 'read_context').name).toBe('readContext')
    expect(findTool(set, 'get_url').name).toBe('getURL')
  })

  test('an unknown name lists what there is and suggests what was meant', () => {
    const error = thrownBy(() => findTool(toolset([named('quote'), named('readContext')]), 'qoute'))
    expect(TroupeError.is(error, 'tool/not-found')).toBe(true)
    expect(String(error)).toContain(`there is no tool 'qoute'; did you mean 'quote'? (available: quote, readContext)`)
    expect((error as TroupeError).details).toEqual({ tool: 'qoute', available: ['quote', 'readContext'], suggestion: 'quote' })
  })

  test('suggests nothing when nothing is near', () => {
    expect(String(thrownBy(() => findTool(toolset([named('quote')]), 'sendMail')))).not.toContain('did you mean')
    expect(String(thrownBy(() => findTool(toolset([]), 'sendMail')))).toContain('there are no tools')
  })

  test.each(['constructor', '__proto__', 'toString'])('does not find %s, which every object has', (name) => {
    expect(
      TroupeError.is(
        thrownBy(() => findTool(toolset([named('quote')]), name)),
        'tool/not-found',
      ),
    ).toBe(true)
  })

  test.each([
    ['the same name twice', ['quote', 'quote'], [], `the tool 'quote' and the tool 'quote' have the same name`],
    [
      'names that meet in Python only',
      ['readContext', 'read_context'],
      [],
      `the tool 'readContext' and the tool 'read_context' are both 'read_context' in Python`,
    ],
    ['names that differ in case only', ['quote', 'Quote'], [], `are both 'quote' in Python`],
    ['an agent', ['analyst'], [{ name: 'analyst', kind: 'agent' }], `the tool 'analyst' and the agent 'analyst'`],
    [
      'an agent, in Python',
      ['askBoss'],
      [{ name: 'ask_boss', kind: 'agent' }],
      `the tool 'askBoss' and the agent 'ask_boss' are both 'ask_boss' in Python`,
    ],
    ['a context key', ['prices'], [{ name: 'prices', kind: 'context key' }], `the tool 'prices' and the context key 'prices'`],
    ['a context key, in Python', ['readPrices'], [{ name: 'read_prices', kind: 'context key' }], `are both 'read_prices' in Python`],
    [
      'two agents',
      [],
      [
        { name: 'a', kind: 'agent' },
        { name: 'A', kind: 'agent' },
      ],
      `the agent 'a' and the agent 'A'`,
    ],
  ] as const)('refuses %s', (_, names, reserved, message) => {
    const error = thrownBy(() => toolset(names.map(named), { reserved }))
    expect(TroupeError.is(error, 'tool/name-clash')).toBe(true)
    expect(String(error)).toContain(message)
  })

  test('leaves a context key its own spelling: it is a variable, not a function', () => {
    expect(() => toolset([named('read_prices')], { reserved: [{ name: 'readPrices', kind: 'context key' }] })).not.toThrow()
  })

  test('a thousand tools take no time worth naming', () => {
    const tools = Array.from({ length: 1_000 }, (_, n) => named(`tool${n}`))
    const start = performance.now()
    toolset(tools)
    expect(performance.now() - start).toBeLessThan(100)
  })
})

function named(name: string): AnyTool {
  return tool({ name, description: 'x', input: z.object({}), run: () => 1 })
}

function thrownBy(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
