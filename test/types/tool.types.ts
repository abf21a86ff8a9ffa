/** Types of tools, checked by `tsc`: a line under `@ts-expect-error` that compiles is an error itself. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import { type Image, image, imageSchema } from '../../src/tools/image.ts'
import { type AnyTool, tool } from '../../src/tools/tool.ts'
import { toolset } from '../../src/tools/toolset.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<Expected>(): <Actual>(
  value: Actual,
  ...wrong: Equal<Actual, Expected> extends true ? [] : [{ expected: Expected; actual: Actual }]
) => void {
  return () => {}
}

const Bar = z.object({ date: z.string(), close: z.number() })

// The name stays a literal; `run` takes the schema's output, so a default is certain there.
const quote = tool({
  name: 'quote',
  version: '1.2.0',
  effect: 'read',
  description: 'Closing prices.',
  input: z.object({ symbol: z.string(), days: z.number().default(5) }),
  output: z.array(Bar),
  needsApproval: ({ days }) => days > 100,
  examples: [{ symbol: 'IBM' }],
  run: async (input, context) => {
    expectType<{ symbol: string; days: number }>()(input)
    expectType<AbortSignal>()(context.signal)
    expectType<string>()(context.idempotencyKey)
    return [{ date: '2008-01-01', close: input.days }]
  },
})
expectType<'quote'>()(quote.name)
expectType<{ date: string; close: number }[]>()({} as StandardSchemaV1.InferOutput<NonNullable<typeof quote.output>>)
// @ts-expect-error: proof that `expectType` can fail
expectType<string>()(quote.name)

// ArkType and Valibot.
const search = tool({
  name: 'search',
  description: 'Finds.',
  input: type({ query: 'string', 'limit?': 'number' }),
  run: (input) => {
    expectType<string>()(input.query)
    expectType<number | undefined>()(input.limit)
    return input.query.length
  },
})
const book = tool({
  name: 'book',
  description: 'Books.',
  input: toStandardJsonSchema(v.object({ room: v.string(), people: v.optional(v.number(), 2) })),
  run: (input) => {
    expectType<{ room: string; people: number }>()(input)
  },
})

// A transformation: `run` gives what the output schema takes, the caller gets what it makes of it.
const length = tool({
  name: 'length',
  description: 'Counts.',
  input: z.object({}),
  output: z.string().transform((text) => text.length),
  run: () => 'abc',
})

// Without an output anything may come back, synchronously too.
tool({ name: 'save', description: 'Saves.', input: z.object({}), run: () => undefined })

// Lists of different tools.
const tools: readonly AnyTool[] = [quote, search, book, length]
toolset([quote, search, book, length])
toolset(tools)

// Only `runTool` may call a tool whose types are not known.
// @ts-expect-error
void tools[0]?.run({ symbol: 'IBM' }, { signal: AbortSignal.timeout(1), idempotencyKey: 'a' })

// Misuse, an error on the line that is wrong.
tool({
  name: 'wrongOutput',
  description: 'x',
  input: z.object({}),
  output: z.array(Bar),
  // @ts-expect-error: 'close' is a number
  run: () => [{ date: 'a', close: 'b' }],
})
tool({
  name: 'wrongKey',
  description: 'x',
  input: z.object({ symbol: z.string() }),
  // @ts-expect-error: no such property
  run: (input) => input.sybol,
})
// @ts-expect-error: an argument schema must be of an object
tool({ name: 'noObject', description: 'x', input: z.string(), run: () => 1 })
// @ts-expect-error: description is missing
tool({ name: 'noDescription', input: z.object({}), run: () => 1 })
// @ts-expect-error: not a schema
tool({ name: 'noSchema', description: 'x', input: { symbol: 'string' }, run: () => 1 })
tool({
  name: 'wrongExample',
  description: 'x',
  input: z.object({ symbol: z.string() }),
  // @ts-expect-error: not the arguments of this tool
  examples: [{ sybol: 'IBM' }],
  run: () => 1,
})
// @ts-expect-error: no such effect
tool({ name: 'wrongEffect', description: 'x', input: z.object({}), effect: 'delete', run: () => 1 })

// Images: by our own schema, and as three fields of another library's object.
tool({ name: 'photo', description: 'Takes one.', input: z.object({}), output: imageSchema, run: () => image('', 'image/png') })
// @ts-expect-error: an address is no image
tool({ name: 'photo', description: 'Takes one.', input: z.object({}), output: imageSchema, run: () => 'https://example.org/a.png' })
// @ts-expect-error: a type that models do not take
image('', 'image/svg+xml')
const Picture = z.object({ type: z.literal('image'), mediaType: z.string(), data: z.string() })
const chart = tool({
  name: 'chart',
  description: 'Draws.',
  input: z.object({}),
  output: z.object({ chart: Picture }),
  run: () => ({ chart: image('', 'image/png') }),
})
expectType<true>()({} as StandardSchemaV1.InferOutput<NonNullable<typeof chart.output>>['chart'] extends Image ? true : false)
