import { type } from 'arktype'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonSchema } from './json-schema.ts'
import { parametersOf, propertyNames, shapeOf } from './read-shape.ts'
import { typescriptType } from './typescript.ts'

describe('shapeOf', () => {
  test('always ends: a reference to itself, in a circle, through nothing but unions', () => {
    expect(show({ $ref: '#' })).toEqual(['unknown'])
    expect(show({ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } })).toEqual(['unknown'])
    expect(show({ $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'string' }] } } })).toEqual(['unknown'])
    expect(show({ type: 'object', properties: { next: { $ref: '#' } } })).toEqual(['Root', 'type Root = { next?: Root }'])
    expect(show({ type: 'array', items: { $ref: '#' } })).toEqual(['Root', 'type Root = Root[]'])
  })

  test('reads a definition once, however often it is used', () => {
    const $defs: Record<string, JsonSchema> = {}
    for (let n = 0; n < 60; n++)
      $defs[`d${n}`] = { type: 'object', properties: { left: { $ref: `#/$defs/d${n + 1}` }, right: { $ref: `#/$defs/d${n + 1}` } } }
    expect(shapeOf({ $ref: '#/$defs/d0', $defs }).definitions.length).toBeLessThanOrEqual(60)
  })

  test('stays small: what doubles at each turn, and what is nested without end', () => {
    const $defs: Record<string, JsonSchema> = {}
    for (let n = 0; n < 60; n++)
      $defs[`d${n}`] = {
        anyOf: [
          { type: 'array', items: { $ref: `#/$defs/d${n + 1}` } },
          { type: 'array', items: { type: 'array', items: { $ref: `#/$defs/d${n + 1}` } } },
        ],
      }
    expect(show({ $ref: '#/$defs/d0', $defs }).join('\n').length).toBeLessThan(10_000)
    let deep: JsonSchema = {}
    for (let n = 0; n < 5_000; n++) deep = { type: 'array', items: deep }
    expect(show(deep)[0]).toMatch(/^unknown(\[\])+$/)
  })

  test('gives two definitions two names', () => {
    const point = (z: boolean): JsonSchema => ({
      type: 'object',
      properties: { x: { type: 'number' }, ...(z && { z: { type: 'number' } }) },
    })
    expect(
      show({
        type: 'object',
        properties: { a: { $ref: '#/$defs/point' }, b: { $ref: '#/definitions/point' } },
        $defs: { point: point(false) },
        definitions: { point: point(true) },
      }),
    ).toEqual(['{ a?: Point; b?: Point2 }', 'type Point = { x?: number }', 'type Point2 = { x?: number; z?: number }'])
  })

  test.each<[string, unknown, string]>([
    ['an empty schema', {}, 'unknown'],
    ['garbage', { type: 5, properties: 'x', required: 7, items: null, anyOf: {}, enum: 'no' }, 'unknown'],
    ['an unknown type', { type: 'file' }, 'unknown'],
    ['properties without a type', { properties: { a: { type: 'string' } } }, '{ a?: string }'],
    ['items without a type', { items: { type: 'string' } }, 'string[]'],
    ['any object', { type: 'object' }, 'Record<string, unknown>'],
    ['required keys only', { type: 'object', required: ['a'] }, '{ a: unknown }'],
    [
      'escaped pointers',
      { type: 'object', properties: { a: { $ref: '#/$defs/x~1y%20z' } }, $defs: { 'x/y z': { type: 'boolean' } } },
      '{ a?: boolean }',
    ],
    ['both booleans', { enum: [true, false] }, 'boolean'],
    ['null first', { type: ['null', 'string'] }, 'string | null'],
    ['an empty choice', { enum: [] }, 'never'],
    ['a choice with the empty schema', { anyOf: [{ type: 'string' }, {}] }, 'unknown'],
    ['a type beside its values', { type: 'string', anyOf: [{ const: 'a' }, { const: 'b' }] }, `'a' | 'b'`],
    [
      'objects that share a key',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'string' } } },
          { type: 'object', properties: { a: { const: 'x' } } },
        ],
      },
      `{ a?: string } & { a?: 'x' }`,
    ],
    [
      'a union in an intersection',
      {
        allOf: [
          {
            anyOf: [
              { type: 'object', properties: { a: {} } },
              { type: 'object', properties: { b: {} } },
            ],
          },
          { type: 'object', properties: { c: {} } },
        ],
      },
      '({ a?: unknown } | { b?: unknown }) & { c?: unknown }',
    ],
    ['an array of a union', { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } }, '(string | null)[]'],
    ['an object constant', { const: { a: [1, 'x'] } }, `{ a: [1, 'x'] }`],
    ['a key called __proto__', JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}'), '{ __proto__?: string }'],
  ])('reads %s', (_, schema, expected) => {
    expect(show(schema as JsonSchema)[0]).toBe(expected)
  })
})

describe('parametersOf', () => {
  test('has the order of the schema, not of required first', () => {
    expect(parametersOf(z.object({ b: z.string().optional(), a: z.string(), 1: z.string() }))).toEqual(['1', 'b', 'a'])
  })

  test('is sorted by ArkType itself', () => {
    expect(parametersOf(type({ b: 'string', 'c?': 'string', a: 'string' }))).toEqual(['a', 'b', 'c'])
  })

  test('is empty where the schema is not one object', () => {
    expect(parametersOf(z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]))).toEqual([])
    expect(propertyNames({})).toEqual([])
  })

  test('looks through references', () => {
    expect(propertyNames({ $ref: '#/$defs/a', $defs: { a: { type: 'object', properties: { x: {}, y: {} } } } })).toEqual(['x', 'y'])
  })
})

function show(schema: JsonSchema): string[] {
  const { text, declarations } = typescriptType(schema)
  return [text, ...declarations]
}
