import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import type { JsonObject } from '../util/json.ts'
import { codeOptions } from './code-types.ts'

/** A JSON Schema document or a part of one, draft 2020-12; draft-07 tuples and `definitions` are read as well. */
export type JsonSchema = JsonObject

/** What a caller must hand in (`input`), or what comes out after defaults and transformations (`output`). */
export type SchemaDirection = 'input' | 'output'

/** `json`: what JSON alone can carry. `code`: also dates, bigints, maps, sets and bytes, which code in a sandbox can hold. */
export type SchemaDialect = 'json' | 'code'

const TARGET = 'draft-2020-12'

/** Where a library has no converter of its own, the way to one. */
const ADVICE: Readonly<Record<string, string>> = {
  valibot: 'wrap it: toStandardJsonSchema(schema) from @valibot/to-json-schema',
  zod: 'use Zod 4.2 or newer',
  arktype: 'use ArkType 2.1.28 or newer',
}

const documents = new WeakMap<object, Partial<Record<`${SchemaDirection} ${SchemaDialect}`, JsonSchema>>>()

/**
 * The JSON Schema of a Standard Schema, without `$schema`; made at the first call and kept with the schema, so the
 * same object comes back every time. Throws `schema/unsupported` when the library or the schema cannot give one.
 */
export function jsonSchemaOf(schema: StandardSchemaV1, direction: SchemaDirection, dialect: SchemaDialect = 'json'): JsonSchema {
  let known = documents.get(schema)
  if (known === undefined) documents.set(schema, (known = {}))
  return (known[`${direction} ${dialect}`] ??= convert(schema, direction, dialect))
}

/** Whether a value is a schema of any library of the Standard Schema convention. */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !('~standard' in value)) return false
  const standard = value['~standard']
  return typeof standard === 'object' && standard !== null && 'validate' in standard && typeof standard.validate === 'function'
}

function convert(schema: StandardSchemaV1, direction: SchemaDirection, dialect: SchemaDialect): JsonSchema {
  const { vendor } = schema['~standard']
  if (!hasConverter(schema)) {
    throw new TroupeError(
      'schema/unsupported',
      `this ${vendor} schema cannot be shown to a model: it gives no JSON Schema; ${adviceFor(vendor)}`,
      { details: { vendor } },
    )
  }
  try {
    const { $schema: _, ...document } = schema['~standard'].jsonSchema[direction]({
      target: TARGET,
      ...(dialect === 'code' && { libraryOptions: codeOptions(vendor) }),
    })
    return document as JsonSchema
  } catch (error) {
    const reason = messageOf(error)
    throw new TroupeError(
      'schema/unsupported',
      `${vendor} cannot write the ${direction} of this schema as JSON Schema: ${reason}. Use a type that JSON has (a date as an ISO string, say) or pipe a transformation into a plain schema`,
      { details: { vendor, direction, reason }, cause: error },
    )
  }
}

function hasConverter(schema: StandardSchemaV1): schema is StandardSchemaV1 & StandardJSONSchemaV1 {
  return 'jsonSchema' in schema['~standard']
}

function adviceFor(vendor: string): string {
  return (
    ADVICE[vendor] ?? 'use Zod 4, ArkType, Valibot with @valibot/to-json-schema, or jsonSchema(document) with a JSON Schema of your own'
  )
}
