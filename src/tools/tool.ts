import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import { isStandardSchema } from '../schema/json-schema.ts'
import { checkName } from './names.ts'

/** What repeating a call means after a crash; see `ToolOptions.effect`. */
export type ToolEffect = 'read' | 'idempotent' | 'write' | 'irreversible'

/** What a tool's `run` is given besides its arguments. */
export interface ToolContext {
  /** Aborted when the run is cancelled or `timeoutMs` is over; pass it on to every fetch. */
  readonly signal: AbortSignal
  /** The same on every attempt of one call: hand it to the far end so that a repeat is seen as one. */
  readonly idempotencyKey: string
}

/** A schema whose values are objects: the arguments of a function by name. */
export type ObjectSchema = StandardSchemaV1<object, object>

export interface ToolOptions<Name extends string, Input extends ObjectSchema, Output extends StandardSchemaV1 | undefined> {
  /** `/^[A-Za-z][A-Za-z0-9_]{0,63}$/`, no reserved word or builtin of TypeScript or Python. */
  readonly name: Name
  readonly description: string
  /** An object schema (Zod 4, ArkType, Valibot with its converter, or any Standard Schema that gives JSON Schema). */
  readonly input: Input
  /** Checked on the way back; without it any value that can be encoded passes. */
  readonly output?: Output
  readonly run: (input: StandardSchemaV1.InferOutput<Input>, context: ToolContext) => ToolReturn<Output> | Promise<ToolReturn<Output>>
  readonly version?: string
  /**
   * `read` and `idempotent` may be repeated after a crash. `write` (the default), started and not known to have ended,
   * makes the run wait for a person. `irreversible` asks before it runs as well.
   */
  readonly effect?: ToolEffect
  readonly needsApproval?: boolean | ((input: StandardSchemaV1.InferOutput<Input>) => boolean)
  /** Milliseconds until the call fails with `tool/timeout` and its signal is aborted. Default 60,000. */
  readonly timeoutMs?: number
  /** What the tool must not be used for; shown to the model. */
  readonly notFor?: string
  /** Arguments that work, shown to the model. */
  readonly examples?: readonly StandardSchemaV1.InferInput<Input>[]
}

/** What `run` gives: the output schema's input, as the schema is applied to it; anything when there is none. */
export type ToolReturn<Output extends StandardSchemaV1 | undefined> = Output extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<Output>
  : unknown

/** A typed function that an agent may call. Made by `tool()`; plain data plus `run`. */
export interface Tool<Name extends string, Input extends ObjectSchema, Output extends StandardSchemaV1 | undefined> extends ToolOptions<
  Name,
  Input,
  Output
> {
  readonly type: 'tool'
}

/**
 * Any tool, whatever its types: what lists of tools and the code that calls them take. `run` takes `never`, so that
 * every tool fits without `any`; only `runTool` calls it, with arguments that its schema has passed.
 */
export interface AnyTool {
  readonly type: 'tool'
  readonly name: string
  readonly description: string
  readonly input: ObjectSchema
  readonly output?: StandardSchemaV1 | undefined
  readonly run: (input: never, context: ToolContext) => unknown
  readonly version?: string
  readonly effect?: ToolEffect
  readonly needsApproval?: boolean | ((input: never) => boolean)
  readonly timeoutMs?: number
  readonly notFor?: string
  readonly examples?: readonly unknown[]
}

/**
 * Declares a tool. All types come from the schemas: `run` takes what `input` gives out and must give what `output`
 * takes in. Nothing is computed here but the check of the options. Throws `tool/bad-name` and `config/invalid`.
 */
export function tool<const Name extends string, Input extends ObjectSchema, Output extends StandardSchemaV1 | undefined = undefined>(
  options: ToolOptions<Name, Input, Output>,
): Tool<Name, Input, Output> {
  checkName(options.name, 'tool')
  const { name, description, input, output, run, timeoutMs } = options
  if (typeof description !== 'string' || description.trim() === '')
    throw invalid(name, 'description', 'a text that tells the model what the tool does')
  if (!isStandardSchema(input)) throw invalid(name, 'input', 'a schema such as z.object({ … })')
  if (output !== undefined && !isStandardSchema(output)) throw invalid(name, 'output', 'a schema, or absent')
  if (typeof run !== 'function') throw invalid(name, 'run', 'a function')
  if (timeoutMs !== undefined && !(timeoutMs > 0)) throw invalid(name, 'timeoutMs', 'a positive number of milliseconds')
  return { ...options, type: 'tool' }
}

function invalid(name: string, option: string, wanted: string): TroupeError {
  return new TroupeError('config/invalid', `tool '${name}': ${option} must be ${wanted}`, { details: { tool: name, option } })
}
