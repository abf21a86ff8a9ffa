import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { FunctionDescription } from './function-description.ts'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'
import { pythonFunction } from './python.ts'
import { typescriptFunction } from './typescript.ts'

const Tree = z.object({
  label: z.string(),
  get children() {
    return z.array(Tree)
  },
})

const Bar = z.object({ date: z.iso.date(), close: z.number().nullable() })

const OUTSIDE = 'Text with */ and """ and \\ and `${x}` and\nnew lines\u2028too'

/** Awkward schemas of every vendor; each is printed in both languages, and what is printed must compile. */
const cases: Readonly<Record<string, FunctionDescription>> = {
  'zod-quote': {
    name: 'quote',
    description: 'Closing prices of one share, oldest first, in USD.',
    input: input(z.object({ symbol: z.string(), days: z.int() })),
    output: output(z.array(Bar)),
    notFor: 'prices of today',
    examples: [{ symbol: 'IBM', days: 5 }],
  },
  'zod-awkward': {
    name: 'fetchHTMLPage',
    description: 'Everything at once.',
    input: input(
      z.object({
        short: z.string().min(2).max(6).describe('A short text.'),
        long: z
          .string()
          .describe(
            'A description that is so long that it cannot stand at the end of its line without making the line unreadable for everybody',
          ),
        'weird-key': z.boolean().optional(),
        class: z.string().optional(),
        level: z.enum(['low', 'high']).default('low'),
        mixed: z.union([z.literal('auto'), z.number().min(0).max(1)]),
        maybe: z.string().max(9).nullable(),
        yes: z.literal(true),
        code: z.literal([1, 'x', null]),
        pair: z.tuple([z.string(), z.number()]),
        path: z.tuple([z.string()], z.union([z.number(), z.string()])),
        counts: z.record(z.string(), z.int()),
        byLevel: z.record(z.enum(['low', 'high']), z.number()),
        both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.number().optional() })),
        event: z.discriminatedUnion('type', [
          z.object({ type: z.literal('open'), at: z.iso.datetime() }),
          z.object({ type: z.literal('close'), reason: z.string() }),
        ]),
        open: z.looseObject({ id: z.uuid() }),
        rest: z.object({ id: z.string() }).catchall(z.number()),
        list: z
          .array(z.union([z.string(), z.number()]))
          .min(1)
          .max(3),
        tags: z.array(z.string().max(3)).optional(),
        anything: z.any(),
        nothing: z.null(),
        empty: z.object({}),
        at: z.date(),
        big: z.bigint().optional(),
      }),
    ),
    output: output(z.object({ page: z.string(), links: z.array(z.object({ url: z.url(), title: z.string().optional() })) })),
  },
  'zod-recursive': {
    name: 'saveTree',
    description: 'Saves a tree.',
    input: input(z.object({ tree: Tree, at: z.int().positive() })),
    output: output(Tree),
  },
  'arktype-awkward': {
    name: 'search',
    description: 'Finds documents.',
    input: input(
      type({
        query: 'string >= 1',
        'limit?': 'number.integer > 0',
        'sort?': "'date' | 'score'",
        filter: { '[string]': 'string | number' },
        'range?': ['number', 'number'],
        'since?': 'Date',
        'by?': 'string | null',
      }),
    ),
    output: output(type({ hits: { title: 'string', score: 'number' } }, '[]')),
  },
  'valibot-awkward': {
    name: 'book',
    description: 'Books a room.',
    input: input(
      toStandardJsonSchema(
        v.object({
          room: v.pipe(v.string(), v.description('Name of the room'), v.maxLength(20)),
          people: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 2),
          who: v.nullable(v.string()),
          kind: v.picklist(['meeting', 'party']),
          slot: v.tuple([v.string(), v.string()]),
          extra: v.variant('type', [v.object({ type: v.literal('food'), plates: v.number() }), v.object({ type: v.literal('none') })]),
        }),
      ),
    ),
    output: output(toStandardJsonSchema(v.boolean())),
  },
  'no-parameters': { name: 'now', description: 'The time.', input: input(z.object({})), output: output(z.iso.datetime().describe('UTC')) },
  'only-optional': {
    name: 'listFiles',
    description: 'Lists files.',
    input: input(z.object({ under: z.string().optional(), depth: z.int().default(1) })),
  },
  'not-one-object': {
    name: 'move',
    description: 'Moves.',
    input: input(
      z.discriminatedUnion('how', [
        z.object({ how: z.literal('by'), steps: z.int() }),
        z.object({ how: z.literal('to'), place: z.string() }),
      ]),
    ),
    output: {},
  },
  'hostile-texts': {
    name: 'hostile',
    description: OUTSIDE,
    notFor: OUTSIDE,
    input: {
      type: 'object',
      properties: { a: { type: 'string', description: OUTSIDE, default: OUTSIDE }, [OUTSIDE]: { const: OUTSIDE } },
      required: [OUTSIDE],
    },
    output: { type: 'string', description: OUTSIDE, enum: [OUTSIDE, "it's", 'say "hi"'] },
    examples: [{ [OUTSIDE]: OUTSIDE }],
  },
  'plain-documents': {
    name: 'plain',
    description: 'Schemas as MCP servers write them.',
    input: {
      type: 'object',
      definitions: {
        Point: { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' } }, required: ['x', 'y'] },
        Id: { type: 'string' },
      },
      properties: {
        from: { $ref: '#/definitions/Point', description: 'Where it starts.' },
        to: { allOf: [{ $ref: '#/definitions/Point' }, { type: 'object', properties: { label: { type: 'string' } } }] },
        id: { $ref: '#/definitions/Id' },
        old: { type: 'array', items: [{ type: 'string' }, { type: 'number' }], additionalItems: false, minItems: 1 },
        nullable: { type: 'string', nullable: true },
        foreign: { $ref: 'https://example.org/schema.json' },
        missing: { $ref: '#/definitions/Nothing' },
        either: {
          anyOf: [{ required: ['a'] }, { required: ['b'] }],
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'string' } },
        },
        never: false,
        headers: { type: 'object', patternProperties: { '^x-': { type: 'string' } }, additionalProperties: false },
        status: { type: ['integer', 'string', 'null'], enum: [1, 'on', null] },
        nested: {
          type: 'object',
          additionalProperties: {
            type: 'array',
            items: { type: 'object', properties: { deep: { type: 'object', properties: { er: { type: 'boolean', default: false } } } } },
          },
        },
        map: { $ref: '#/properties/nested/additionalProperties' },
        size: { type: 'number', multipleOf: 0.5, exclusiveMaximum: 10, deprecated: true },
      },
      required: ['from', 'undeclared'],
    },
    output: {
      $ref: '#/$defs/Json',
      $defs: {
        Json: {
          anyOf: [
            { type: ['string', 'number', 'boolean', 'null'] },
            { type: 'array', items: { $ref: '#/$defs/Json' } },
            { type: 'object', additionalProperties: { $ref: '#/$defs/Json' } },
          ],
        },
      },
    },
  },
}

const folder = mkdtempSync(join(tmpdir(), 'troupe-declarations-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each(Object.entries(cases))('prints %s in both languages', async (name, description) => {
  const page = ['```ts', typescriptFunction(description), '```', '```python', pythonFunction(description), '```', ''].join('\n')
  await expect(page).toMatchFileSnapshot(`./snapshots/${name}.md`)
})

test('the TypeScript declarations compile, take right calls and refuse wrong ones', () => {
  for (const [name, description] of Object.entries(cases))
    writeFileSync(join(folder, `${name}.mts`), `${typescriptFunction(description)}\nexport {}\n${calls[name] ?? ''}`)
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
  const files = Object.keys(cases).map((name) => join(folder, `${name}.mts`))
  const { stdout, status } = spawnSync(
    process.execPath,
    [tsc, '--ignoreConfig', '--noEmit', '--strict', '--target', 'esnext', '--module', 'nodenext', '--types', '', ...files],
    { encoding: 'utf8' },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

const python = spawnSync('python3', ['--version']).status === 0

test.skipIf(!python)('the Python stubs parse (skipped without python3)', () => {
  for (const [name, description] of Object.entries(cases)) writeFileSync(join(folder, `${name}.py`), `${pythonFunction(description)}\n`)
  const check =
    'import ast, sys\nfor name in sys.argv[1:]:\n  tree = ast.parse(open(name).read())\n  print(tree.body[0].name, ast.get_docstring(tree.body[0]) is not None)'
  const printed = execFileSync('python3', ['-c', check, ...Object.keys(cases).map((name) => join(folder, `${name}.py`))], {
    encoding: 'utf8',
  })
  expect(printed.trim().split('\n')).toEqual(
    ['quote', 'fetch_html_page', 'save_tree', 'search', 'book', 'now', 'list_files', 'move', 'hostile', 'plain'].map(
      (name) => `${name} True`,
    ),
  )
})

/** Code that is compiled under a declaration: right calls, and wrong ones that must be refused. */
const calls: Readonly<Record<string, string>> = {
  'zod-quote': `
    const bars = await quote({ symbol: 'IBM', days: 5 }); const close: number | null | undefined = bars[0]?.close
    // @ts-expect-error
    await quote({ symbol: 'IBM' })
    // @ts-expect-error
    await quote({ symbol: 'IBM', days: '5' })`,
  'zod-recursive': `
    const tree = await saveTree({ tree: { label: 'a', children: [{ label: 'b', children: [] }] }, at: 1 }); const label: string | undefined = tree.children[0]?.children[0]?.label
    // @ts-expect-error
    await saveTree({ tree: { label: 'a', children: [{ label: 1, children: [] }] }, at: 1 })`,
  'no-parameters': `const time: string = await now()`,
  'only-optional': `await listFiles(); await listFiles({ depth: 2 })`,
  'not-one-object': `
    await move({ how: 'by', steps: 1 })
    // @ts-expect-error
    await move({ how: 'by', place: 'x' })`,
  'plain-documents': `
    const json = await plain({ from: { x: 1, y: 2 }, undeclared: 0, to: { x: 1, y: 2, label: 'a' }, old: ['a'], status: 'on', map: [{ deep: { er: true } }] })
    if (Array.isArray(json)) json[0]
    // @ts-expect-error
    await plain({ from: { x: 1 }, undeclared: 0 })`,
}

function input(schema: StandardSchemaV1): JsonSchema {
  return jsonSchemaOf(schema, 'input', 'code')
}

function output(schema: StandardSchemaV1): JsonSchema {
  return jsonSchemaOf(schema, 'output', 'code')
}
