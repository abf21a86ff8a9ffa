import type {
  JSONValue,
  LanguageModelV3,
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4Prompt,
  LanguageModelV4ToolChoice,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider'
import type { Usage } from '../client/usage.ts'

/** The port: AI SDK's language model, specification v4 or v3, so that every provider of that ecosystem is an adapter. */
export type LanguageModel = LanguageModelV4 | LanguageModelV3

/**
 * One question to a model, in the form of AI SDK's specification v4 (v3 models are adapted).
 * `providerOptions.troupe` is ours and real providers ignore it: see `CallMark`.
 */
export interface ModelRequest {
  readonly prompt: LanguageModelV4Prompt
  readonly maxOutputTokens?: number
  readonly stopSequences?: readonly string[]
  readonly temperature?: number
  readonly tools?: readonly LanguageModelV4FunctionTool[]
  readonly toolChoice?: LanguageModelV4ToolChoice
  readonly responseFormat?: NonNullable<LanguageModelV4CallOptions['responseFormat']>
  readonly reasoning?: NonNullable<LanguageModelV4CallOptions['reasoning']>
  readonly providerOptions?: SharedV4ProviderOptions
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Who asks, as `providerOptions.troupe`: what scripts and tapes find their answer by, so that it does not depend on
 * the order of calls. `run` is the run's path in its tree, the same in every replay (never a random id); `step` is
 * the effect's key in that run (`2.model`); `turn` overrides the script's turn, which is else counted in the prompt.
 */
export interface CallMark {
  readonly agent?: string
  readonly run?: string
  readonly step?: string
  readonly turn?: number
}

export type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'interrupted' | 'other'

/** A tool call the model asks us to make; calls that the provider has made itself are only in `content`. */
export interface RequestedToolCall {
  readonly id: string
  readonly name: string
  /** JSON text as the model wrote it, possibly invalid; `{}` where it wrote none. */
  readonly input: string
}

/** A model's answer as plain JSON data, as it goes into the run log. */
export interface ModelReply {
  readonly text: string
  readonly reasoning?: string
  readonly toolCalls: readonly RequestedToolCall[]
  readonly finishReason: FinishReason
  /** Everything the call has used, broken attempts included. */
  readonly usage: Usage
  /** Present where some of `usage` is our estimate, because the provider sent none. Estimates err on the high side. */
  readonly estimated?: true
  /** The model that answered, as the provider names it. */
  readonly modelId: string
  /** The answer in parts, where text and tool calls alone would lose something the provider wants back. */
  readonly content?: readonly ReplyPart[]
  /** 1 when the first attempt answered. */
  readonly attempts: number
}

/** A part of an answer that must be sent back verbatim; bytes are base64, URLs are text. */
export type ReplyPart =
  | { readonly type: 'text' | 'reasoning'; readonly text: string; readonly providerOptions?: SharedV4ProviderOptions }
  | {
      readonly type: 'tool-call'
      readonly id: string
      readonly name: string
      readonly input: string
      readonly providerExecuted?: true
      readonly providerOptions?: SharedV4ProviderOptions
    }
  | {
      readonly type: 'tool-result'
      readonly id: string
      readonly name: string
      readonly result: NonNullable<JSONValue>
      readonly isError?: true
      readonly providerOptions?: SharedV4ProviderOptions
    }
  | {
      readonly type: 'file' | 'reasoning-file'
      readonly mediaType: string
      readonly base64?: string
      readonly url?: string
      readonly providerOptions?: SharedV4ProviderOptions
    }
  | { readonly type: 'custom'; readonly kind: `${string}.${string}`; readonly providerOptions?: SharedV4ProviderOptions }

/** Text as it streams in. A new `attempt` says: drop what the earlier one has shown. */
export interface ModelDelta {
  readonly attempt: number
  readonly text: string
}
