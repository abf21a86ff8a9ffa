import type { Usage } from '../client/usage.ts'

/** What a model costs, in USD per million tokens. */
export interface ModelPrice {
  readonly input: number
  readonly output: number
  /** Input read from the provider's prompt cache. Default: the price of input. */
  readonly cachedInput?: number
  /** Input written to the provider's prompt cache. Default: the price of input. */
  readonly cacheWrite?: number
}

/** Prices by model id; a key also covers ids that add a date or version to it (`gpt-5` covers `gpt-5-2025-08-07`). */
export type PriceTable = Readonly<Record<string, ModelPrice>>

/** The day the table below was written. */
export const PRICES_AS_OF = '2025-11-01'

/**
 * List prices as known on `PRICES_AS_OF`, standard tier, short context. Providers change them without notice: check
 * them against the provider's price page, and give your own where money depends on it. Models that run on own
 * hardware, and every model not listed, have no price; a budget in USD refuses those.
 */
export const PRICES: PriceTable = {
  // https://openai.com/api/pricing
  'gpt-5': { input: 1.25, cachedInput: 0.125, output: 10 },
  'gpt-5-mini': { input: 0.25, cachedInput: 0.025, output: 2 },
  'gpt-5-nano': { input: 0.05, cachedInput: 0.005, output: 0.4 },
  'gpt-4.1': { input: 2, cachedInput: 0.5, output: 8 },
  'gpt-4.1-mini': { input: 0.4, cachedInput: 0.1, output: 1.6 },
  'gpt-4.1-nano': { input: 0.1, cachedInput: 0.025, output: 0.4 },
  'gpt-4o': { input: 2.5, cachedInput: 1.25, output: 10 },
  'gpt-4o-mini': { input: 0.15, cachedInput: 0.075, output: 0.6 },
  o3: { input: 2, cachedInput: 0.5, output: 8 },
  'o4-mini': { input: 1.1, cachedInput: 0.275, output: 4.4 },
  // https://docs.claude.com/en/docs/about-claude/pricing
  'claude-opus-4-1': { input: 15, cachedInput: 1.5, cacheWrite: 18.75, output: 75 },
  'claude-sonnet-4-5': { input: 3, cachedInput: 0.3, cacheWrite: 3.75, output: 15 },
  'claude-sonnet-4': { input: 3, cachedInput: 0.3, cacheWrite: 3.75, output: 15 },
  'claude-haiku-4-5': { input: 1, cachedInput: 0.1, cacheWrite: 1.25, output: 5 },
  'claude-3-5-haiku': { input: 0.8, cachedInput: 0.08, cacheWrite: 1, output: 4 },
  // https://ai.google.dev/gemini-api/docs/pricing
  'gemini-2.5-pro': { input: 1.25, cachedInput: 0.125, output: 10 },
  'gemini-2.5-flash': { input: 0.3, cachedInput: 0.03, output: 2.5 },
  'gemini-2.5-flash-lite': { input: 0.1, cachedInput: 0.01, output: 0.4 },
  // https://mistral.ai/pricing
  'mistral-large-2411': { input: 2, output: 6 },
  'mistral-medium': { input: 0.4, output: 2 },
  'mistral-small': { input: 0.1, output: 0.3 },
  codestral: { input: 0.3, output: 0.9 },
  // Ours: a written script and a tape are played, nothing is billed.
  script: { input: 0, output: 0 },
  tape: { input: 0, output: 0 },
}

/** A version that may follow a listed id and leaves its price alone: a date, `latest`, a revision. Anything else names another model. */
const VERSION = /^[-@:](\d{4}-\d{2}-\d{2}|\d{8}|\d{4,6}|latest|v\d+(:\d+)?)([-:]v?\d+(:\d+)?)*$/

/**
 * The price of a model, or undefined where none is known. `prices` come before the table. Ids as Bedrock and routers
 * write them (`us.anthropic.claude-…-v1:0`, `openai/gpt-5`) are looked up by their last part.
 */
export function priceOf(modelId: string, prices: PriceTable = {}): ModelPrice | undefined {
  return find(modelId, prices) ?? listed(modelId)
}

/** By the ids that were asked for: every step of every run asks, and always for the same few. */
const known = new Map<string, ModelPrice | undefined>()

function listed(modelId: string): ModelPrice | undefined {
  if (!known.has(modelId)) known.set(modelId, find(modelId, PRICES))
  return known.get(modelId)
}

function find(modelId: string, table: PriceTable): ModelPrice | undefined {
  const bare = modelId.slice(modelId.lastIndexOf('/') + 1).replace(/^(?:(?:us|eu|apac|jp|au|global)\.)?(?:anthropic|mistral)\./, '')
  for (const id of [modelId, bare]) {
    const exact = Object.hasOwn(table, id) ? table[id] : undefined
    if (exact) return exact
    const key = Object.keys(table)
      .filter((name) => id.startsWith(name) && VERSION.test(id.slice(name.length)))
      .toSorted((a, b) => b.length - a.length)[0]
    if (key !== undefined) return table[key]
  }
  return undefined
}

/**
 * What usage costs in USD, or undefined where the model's price is not known. Cached input is part of `inputTokens`, reasoning
 * is part of `outputTokens`. `cacheWriteTokens`, also part of the input, is billed at its own price where the model has one.
 */
export function costOf(modelId: string, usage: Usage, prices?: PriceTable, cacheWriteTokens = 0): number | undefined {
  const price = priceOf(modelId, prices)
  if (!price) return undefined
  const cached = Math.min(usage.cachedInputTokens ?? 0, usage.inputTokens)
  const written = Math.min(cacheWriteTokens, usage.inputTokens - cached)
  const plain = usage.inputTokens - cached - written
  const perMillion =
    plain * price.input +
    cached * (price.cachedInput ?? price.input) +
    written * (price.cacheWrite ?? price.input) +
    usage.outputTokens * price.output
  return perMillion / 1_000_000
}
