import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { TroupeError } from '../errors/troupe-error.ts'
import { isStandardSchema, jsonSchemaOf } from './json-schema.ts'

const quote = {
  zod: z.object({ symbol: z.string().max(6), days: z.number().default(5) }),
  arktype: type({ symbol: 'string <= 6', days: 'number = 5' }),
  valibot: toStandardJsonSchema(v.object({ symbol: v.pipe(v.string(), v.maxLength(6)), days: v.optional(v.number(), 5) })),
}

describe('jsonSchemaOf', () => {
  test.each(Object.entries(quote))('gives the input of a %s schema: a default makes a key optional', (_, schema) => {
    expect(jsonSchemaOf(schema, 'input')).toMatchObject({
      type: 'object',
      properties: { symbol: { type: 'string', maxLength: 6 }, days: { type: 'number' } },
      required: ['symbol'],
    })
  })

  test('gives the output as what comes out: a default makes the key certain', () => {
    expect(jsonSchemaOf(quote.zod, 'output')['required']).toEqual(['symbol', 'days'])
  })

  test('leaves $schema out and gives the same object again', () => {
    expect(jsonSchemaOf(quote.zod, 'input')).not.toHaveProperty('$schema')
    expect(jsonSchemaOf(quote.zod, 'input')).toBe(jsonSchemaOf(quote.zod, 'input'))
  })

  test('names the vendor and the way out where a library has no converter', () => {
    const error = thrownBy(() => jsonSchemaOf(v.object({ a: v.string() }), 'input'))
    expect(TroupeError.is(error, 'schema/unsupported')).toBe(true)
    expect(String(error)).toContain('valibot')
    expect(String(error)).toContain('toStandardJsonSchema(schema) from @valibot/to-json-schema')
  })

  test('refuses a type that JSON lacks, with the reason of the library', () => {
    const error = thrownBy(() => jsonSchemaOf(z.object({ at: z.date() }), 'input'))
    expect(TroupeError.is(error, 'schema/unsupported')).toBe(true)
    expect(String(error)).toMatch(/Date cannot be represented/)
  })

  test.each([
    ['zod', z.object({ at: z.date(), n: z.bigint(), m: z.map(z.string(), z.number()), s: z.set(z.string()) })],
    ['arktype', type({ at: 'Date', n: 'bigint', m: 'Map', s: 'Set' })],
    ['valibot', toStandardJsonSchema(v.object({ at: v.date(), n: v.bigint(), m: v.map(v.string(), v.number()), s: v.set(v.string()) }))],
  ])('names the types of %s that only code can hold, in the code dialect', (_, schema) => {
    expect(jsonSchemaOf(schema, 'output', 'code')['properties']).toEqual({
      at: { 'x-troupe-type': 'Date' },
      n: { 'x-troupe-type': 'bigint' },
      m: { 'x-troupe-type': 'Map<unknown, unknown>' },
      s: { 'x-troupe-type': 'Set<unknown>' },
    })
  })

  test('still refuses what nothing can carry, in the code dialect too', () => {
    expect(
      TroupeError.is(
        thrownBy(() => jsonSchemaOf(z.object({ a: z.symbol() }), 'input', 'code')),
        'schema/unsupported',
      ),
    ).toBe(true)
    expect(
      TroupeError.is(
        thrownBy(() => jsonSchemaOf(z.object({ a: z.string().transform(Number) }), 'output', 'code')),
        'schema/unsupported',
      ),
    ).toBe(true)
  })
})

test('isStandardSchema knows schemas of all vendors, ArkType functions too, and nothing else', () => {
  for (const schema of Object.values(quote)) expect(isStandardSchema(schema)).toBe(true)
  for (const other of [null, undefined, 1, 'a', {}, { '~standard': null }, { '~standard': {} }, () => 1])
    expect(isStandardSchema(other)).toBe(false)
})

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
