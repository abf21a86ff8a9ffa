import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { ModelReply } from '../models/model.ts'
import type { JsonValue } from '../util/json.ts'

/**
 * Functions around model and tool calls. They run once for each call and what they decide is logged with it, so that a
 * resume does not ask them again; one that throws fails the call that it stands before, and never lets it pass.
 */
export interface Hooks {
  /** Sees each prompt before it is sent, and may give another in its place. */
  readonly beforeModel?: (call: ModelCall) => LanguageModelV4Prompt | void | Promise<LanguageModelV4Prompt | void>
  /** Sees each answer before it is logged, and may give another text in its place. */
  readonly afterModel?: (call: ModelCall, reply: ModelReply) => string | void | Promise<string | void>
  /** Decides on each call of a tool or agent. */
  readonly beforeTool?: (call: ToolCall) => ToolVerdict | void | Promise<ToolVerdict | void>
  /** Sees what a tool gave before it is logged, and may give something else in its place. */
  readonly afterTool?: (
    call: ToolCall,
    output: unknown,
  ) => { readonly output: unknown } | void | Promise<{ readonly output: unknown } | void>
}

export interface ModelCall {
  readonly agent: string
  readonly step: number
  readonly prompt: LanguageModelV4Prompt
}

export interface ToolCall {
  readonly agent: string
  /** Global: `runId:2.5`. */
  readonly callId: string
  readonly tool: string
  /** As tagged JSON. */
  readonly args: JsonValue
}

/** `ask`: a person decides. `rule` names what decided, for the log. */
export interface ToolVerdict {
  readonly decision: 'allow' | 'deny' | 'ask'
  readonly reason?: string
  readonly rule?: string
}
