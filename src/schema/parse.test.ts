import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { parse } from './parse.ts'

const inner = {
  zod: z.object({ a: z.array(z.object({ b: z.number() })) }),
  arktype: type({ a: type({ b: 'number' }).array() }),
  valibot: toStandardJsonSchema(v.object({ a: v.array(v.object({ b: v.number() })) })),
}

test.each(Object.entries(inner))('parse answers at once for %s, with the path of each issue', (_, schema) => {
  expect(parse(schema, { a: [{ b: 1 }] })).toEqual({ ok: true, value: { a: [{ b: 1 }] } })
  expect(parse(schema, { a: [{ b: 1 }, { b: 'x' }] })).toEqual({
    ok: false,
    issues: [{ path: ['a', 1, 'b'], message: expect.any(String) }],
  })
})

test('parse gives what the schema makes of a value', () => {
  expect(parse(z.object({ a: z.string().default('x') }), {})).toEqual({ ok: true, value: { a: 'x' } })
})

test('parse gives a promise only for an asynchronous schema', async () => {
  const slow = z.string().refine(async (value) => value === 'ok', 'not ok')
  const pending = parse(slow, 'no')
  expect(pending).toBeInstanceOf(Promise)
  expect(await pending).toEqual({ ok: false, issues: [{ path: [], message: 'not ok' }] })
})

test.each([
  [
    'throws',
    z.string().refine(() => {
      throw new Error('bug')
    }),
  ],
  ['rejects', { '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('bug')) } } as const],
])('a check that %s becomes an issue', async (_, schema) => {
  expect(await parse(schema, 'x')).toEqual({ ok: false, issues: [{ path: [], message: 'the check threw: bug' }] })
})
