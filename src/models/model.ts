import type { LanguageModelV4 } from '@ai-sdk/provider'
import type { LanguageModelV3 } from '@ai-sdk/provider'

/** The port: AI SDK's language model, specification v4 or v3, so that every provider of that ecosystem is an adapter. */
export type LanguageModel = LanguageModelV4 | LanguageModelV3
