import { type } from 'arktype'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { declareTool, functionDeclaration, guestFunction, toolSignature } from './declare.ts'
import { tool } from './tool.ts'

const quote = tool({
  name: 'lastPrices',
  description: 'Closing prices of one share, oldest first, in USD.',
  notFor: 'prices of today',
  input: z.object({ symbol: z.string().max(6), days: z.int().positive().default(5) }),
  output: z.array(z.object({ date: z.string(), close: z.number() })),
  examples: [{ symbol: 'IBM' }],
  run: () => [],
})

describe('a tool', () => {
  test('is declared in TypeScript', () => {
    expect(declareTool(quote, 'typescript')).toMatchInlineSnapshot(`
      "/**
       * Closing prices of one share, oldest first, in USD.
       * Not for: prices of today
       * Example: await lastPrices({ symbol: 'IBM' })
       */
      declare function lastPrices(input: { symbol: string /* at most 6 characters */; days?: number /* integer > 0, default 5 */ }): Promise<{ date: string; close: number }[]>"
    `)
  })

  test('is declared in Python', () => {
    expect(declareTool(quote, 'python')).toMatchInlineSnapshot(`
      "def last_prices(symbol: str, days: int = 5) -> list[dict]:
          """Closing prices of one share, oldest first, in USD.

          Args:
            symbol: at most 6 characters
            days: > 0

          Returns: list[{'date': str, 'close': float}]

          Not for: prices of today

          Example: last_prices(symbol='IBM')
          """"
    `)
  })

  test('is declared to native tool calling', () => {
    expect(functionDeclaration(quote)).toMatchObject({
      name: 'lastPrices',
      description: 'Closing prices of one share, oldest first, in USD.\nNot for: prices of today\nExample: {"symbol":"IBM"}',
      inputSchema: { type: 'object', required: ['symbol'], properties: { symbol: { type: 'string' } } },
    })
  })

  test('gives a sandbox its name, the order of its parameters and its signature', () => {
    expect(guestFunction(quote, 'python')).toEqual({
      name: 'lastPrices',
      parameters: ['symbol', 'days'],
      signature: 'last_prices(symbol: str, days: int = 5) -> list[dict]',
    })
  })

  test('has the order of parameters that its declaration shows, where a library sorts them too', () => {
    const sorted = tool({
      name: 'alphabet',
      description: 'x',
      input: type({ zebra: 'string', ant: 'string', 'cow?': 'string' }),
      run: () => 1,
    })
    expect(guestFunction(sorted, 'typescript').parameters).toEqual(['ant', 'zebra', 'cow'])
    expect(toolSignature(sorted, 'typescript')).toBe('alphabet(input: { ant: string; zebra: string; cow?: string }): Promise<unknown>')
  })

  test('with dates can be declared to code, not to native tool calling', () => {
    const dated = tool({ name: 'dated', description: 'x', input: z.object({ since: z.date() }), run: () => 1 })
    expect(toolSignature(dated, 'typescript')).toBe('dated(input: { since: Date }): Promise<unknown>')
    expect(() => functionDeclaration(dated)).toThrow(expect.objectContaining({ code: 'schema/unsupported' }))
  })

  test('may have examples that JSON lacks', () => {
    const examples = [{ since: new Date(0), big: 5n }]
    const dated = tool({ name: 'dated', description: 'x', input: z.object({ since: z.date(), big: z.bigint() }), examples, run: () => 1 })
    expect(declareTool(dated, 'typescript')).toContain(`Example: await dated({ since: '1970-01-01T00:00:00.000Z', big: '5' })`)
    expect(declareTool(dated, 'python')).toContain(`Example: dated(since='1970-01-01T00:00:00.000Z', big='5')`)
  })

  test('is computed at first use only, and once', () => {
    const convert = vi.fn((_: { readonly target: string }) => ({ type: 'object', properties: { a: { type: 'string' } } }))
    const counted = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => ({ value: value as { a: string } }),
        jsonSchema: { input: convert, output: convert },
      },
    } as const
    const lazy = tool({ name: 'lazy', description: 'x', input: counted, run: () => 1 })
    expect(convert).not.toHaveBeenCalled()
    for (let n = 0; n < 3; n++) {
      declareTool(lazy, 'typescript')
      toolSignature(lazy, 'python')
      guestFunction(lazy, 'typescript')
    }
    expect(convert).toHaveBeenCalledTimes(1)
  })
})
