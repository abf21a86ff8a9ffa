import { describe, expect, test } from 'vitest'
import { jsonSchema } from './document.ts'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'
import { parse } from './parse.ts'

const person: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1 },
    age: { type: 'integer', minimum: 0 },
    friends: { type: 'array', items: { $ref: '#' }, maxItems: 2 },
  },
  required: ['name'],
  additionalProperties: false,
}

describe('jsonSchema', () => {
  test('shows the document itself', () => {
    expect(jsonSchemaOf(jsonSchema(person), 'input')).toEqual(person)
  })

  test('passes a value unchanged', () => {
    const value = { name: 'Ann', friends: [{ name: 'Bob' }] }
    expect(parse(jsonSchema(person), value)).toEqual({ ok: true, value })
  })

  test('names every place that is wrong', () => {
    expect(parse(jsonSchema(person), { age: -1, friends: [{ name: '' }, { name: 'Bob', colour: 1 }] })).toEqual({
      ok: false,
      issues: [
        { path: ['name'], message: 'is required' },
        { path: ['age'], message: 'must be at least 0' },
        { path: ['friends', 0, 'name'], message: 'must have at least 1 characters, has 0' },
        { path: ['friends', 1, 'colour'], message: 'there is no such key' },
      ],
    })
  })

  test.each<[string, JsonSchema, unknown, string]>([
    ['type', { type: 'string' }, 1, 'expected string, received number'],
    ['types', { type: ['string', 'null'] }, [], 'expected string or null, received array'],
    ['null is no object', { type: 'object' }, null, 'expected object, received null'],
    ['integer', { type: 'integer' }, 1.5, 'expected integer, received number'],
    ['enum', { enum: ['a', { b: [1] }] }, 'c', 'expected "a" or {"b":[1]}'],
    ['const null', { const: null }, 0, 'expected null'],
    ['exclusive limits', { exclusiveMaximum: 1 }, 1, 'must be less than 1'],
    ['tuples', { prefixItems: [{ type: 'string' }], items: false }, ['a', 1], 'nothing is allowed here'],
    ['old tuples', { items: [{ type: 'string' }], additionalItems: { type: 'number' } }, ['a', 'b'], 'expected number, received string'],
    ['records', { additionalProperties: { type: 'number' } }, { a: 'x' }, 'expected number, received string'],
    ['all of', { allOf: [{ type: 'object' }, { required: ['a'] }] }, {}, 'is required'],
    ['the nearest option', { anyOf: [{ type: 'string' }, { type: 'object', required: ['a'] }] }, {}, 'is required'],
  ])('checks %s', (_, schema, wrong, message) => {
    expect(parse(jsonSchema(schema), wrong)).toMatchObject({ ok: false, issues: [{ message }] })
  })

  test.each<[string, JsonSchema, unknown]>([
    ['key order in constants', { const: { a: 1, b: 2 } }, { b: 2, a: 1 }],
    ['nullable', { type: 'string', nullable: true }, null],
    ['one of several options', { oneOf: [{ type: 'string' }, { type: 'number' }] }, 5],
    ['keywords it does not know', { type: 'string', format: 'email', not: {} }, 'x'],
    ['a circle of references', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }, 'x'],
    ['a circle through choices', { anyOf: [{ $ref: '#' }, { $ref: '#' }, { allOf: [{ $ref: '#' }, { $ref: '#' }] }] }, 'x'],
    ['foreign references', { $ref: 'https://example.org/a.json' }, 'x'],
    ['keys that objects have anyway', { type: 'object', properties: {}, additionalProperties: { type: 'string' } }, { constructor: 'x' }],
  ])('lets pass %s', (_, schema, value) => {
    expect(parse(jsonSchema(schema), value)).toEqual({ ok: true, value })
  })

  test('gives up on a schema that would take years to check', () => {
    const $defs: Record<string, JsonSchema> = { d60: { type: 'number' } }
    for (let n = 0; n < 60; n++) $defs[`d${n}`] = { anyOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] }
    const result = parse(jsonSchema({ $ref: '#/$defs/d0', $defs }), 'x')
    expect(result).toMatchObject({ ok: false, issues: [{ message: expect.stringContaining('too often to be checked') }] })
  })
})
