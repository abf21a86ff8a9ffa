/** The door `troupe/models`: model ids, and what stands between a model and those who call it. */
import { resolverOf, type Environment, type ModelLoader, type ResolveOptions } from './models/resolve.ts'
import type { LanguageModel } from './models/model.ts'
import { loadScript } from './models/script/script.ts'
import { loadTape } from './models/tape/tape.ts'

// Each provider is loaded when an id asks for it: its package is an optional peer.
const LOADERS: Readonly<Record<string, ModelLoader>> = {
  openai: async (name, options) => (await import('./models/providers/openai.ts')).loadOpenAi(name, options),
  anthropic: async (name, options) => (await import('./models/providers/anthropic.ts')).loadAnthropic(name, options),
  mistral: async (name, options) => (await import('./models/providers/mistral.ts')).loadMistral(name, options),
  google: async (name, options) => (await import('./models/providers/google.ts')).loadGoogle(name, options),
  bedrock: async (name, options) => (await import('./models/providers/bedrock.ts')).loadBedrock(name, options),
  azure: async (name, options) => (await import('./models/providers/azure.ts')).loadAzure(name, options),
  huggingface: async (name, options) => (await import('./models/providers/huggingface.ts')).loadHuggingFace(name, options),
  'openai-compatible': async (name, options) =>
    (await import('./models/providers/openai-compatible.ts')).loadOpenAiCompatible(name, options),
  tape: loadTape,
  script: loadScript,
}

/**
 * The model of an id: `openai:…`, `anthropic:…`, `mistral:…`, `google:…`, `bedrock:…`, `azure:…`, `huggingface:…`, `openai-compatible:…`,
 * `tape:FILE`, `script:FILE`. Everything a call will need is checked here, and nothing is sent.
 *
 * Throws `model/unknown`, `config/missing-key`, `config/missing-package`, `config/missing-file` or `config/invalid`.
 */
export const resolveModel: (id: string, options?: ResolveOptions) => Promise<LanguageModel> = resolverOf(LOADERS, process.env)

export type { Environment, ResolveOptions }
export type { LanguageModel, ModelDelta, ModelReply, ModelRequest } from './models/model.ts'
export { askModel, type AskOptions } from './models/ask.ts'
export { DEFAULT_RETRY, type RetryPolicy } from './models/retry.ts'
export { fallbackModel, type FallbackOptions } from './models/fallback.ts'
export { rateLimited, type RateLimits } from './models/rate-limit.ts'
export { costOf, PRICES, PRICES_AS_OF, type ModelPrice, type PriceTable } from './models/price.ts'
export { recordingModel, tapeFile, tapeModel, type Tape, type TapeRecord, type TapeSink } from './models/tape/tape.ts'
export { scriptModel, type Script, type ScriptPart, type ScriptToolCall, type ScriptTurn } from './models/script/script.ts'
