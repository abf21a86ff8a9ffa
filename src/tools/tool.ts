import type { StandardSchemaV1 } from '@standard-schema/spec'

/** What repeating a call means after a crash; see `ToolOptions.effect`. */
export type ToolEffect = 'read' | 'idempotent' | 'write' | 'irreversible'

/** What a tool's `run` is given besides its arguments. */
export interface ToolContext {
  /** Aborted when the run is cancelled or `timeoutMs` is over; pass it on to every fetch. */
  readonly signal: AbortSignal
  /** The same on every attempt of one call: hand it to the far end so that a repeat is seen as one. */
  readonly idempotencyKey: string
}

export interface ToolOptions<Name extends string, Input extends StandardSchemaV1, Output extends StandardSchemaV1 | undefined> {
  /** `/^[A-Za-z][A-Za-z0-9_]{0,63}$/`, no reserved word of TypeScript or Python. */
  readonly name: Name
  readonly description: string
  /** An object schema (Zod 4, ArkType or any Standard Schema that gives JSON Schema). */
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

type ToolReturn<Output> = Output extends StandardSchemaV1 ? StandardSchemaV1.InferInput<Output> : unknown

/** A typed function that an agent may call. Made by `tool()`; plain data plus `run`. */
export interface Tool<Name extends string = string, Input extends StandardSchemaV1 = StandardSchemaV1, Output extends StandardSchemaV1 | undefined = StandardSchemaV1 | undefined> extends ToolOptions<Name, Input, Output> {
  readonly type: 'tool'
}
