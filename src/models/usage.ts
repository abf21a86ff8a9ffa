import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolResultOutput,
} from '@ai-sdk/provider'
import type { Usage } from '../client/usage.ts'
import type { Answer } from './answer.ts'
import type { ModelRequest } from './model.ts'

/** UTF-8 bytes a token, for estimates: English prose has about 4, code and other scripts about 3; an estimate must not undercount. */
const BYTES_PER_TOKEN = 3
/** What a message costs beyond its text (role, separators). */
const TOKENS_PER_MESSAGE = 4
/** What an image or another file is taken for where nothing better is known. */
const TOKENS_PER_FILE = 1_500

/** Tokens of a text, estimated on the high side: no tokenizer is at hand for every model. */
function estimateTokens(text: string): number {
  return Math.ceil(ENCODER.encode(text).length / BYTES_PER_TOKEN)
}

const ENCODER = new TextEncoder()

let lastSystem = ''
let lastSystemTokens = 0

/** One agent's system text is the same at every step and in every run, in a message made anew. */
function estimateSystemTokens(text: string): number {
  if (text !== lastSystem) {
    lastSystemTokens = estimateTokens(text)
    lastSystem = text
  }
  return lastSystemTokens
}

/** Tools and schemas are the same objects at every step: they are counted once. */
const countedJson = new WeakMap<object, number>()

function estimateJsonTokens(value: object): number {
  let tokens = countedJson.get(value)
  if (tokens === undefined) countedJson.set(value, (tokens = estimateTokens(JSON.stringify(value))))
  return tokens
}

/** Tokens of a request before it is sent, for a budget's reservation: prompt, tool declarations and response schema. */
export function estimateRequestTokens(request: ModelRequest | LanguageModelV4CallOptions): number {
  const extras = [request.tools, request.responseFormat?.type === 'json' ? request.responseFormat.schema : undefined]
  return estimatePromptTokens(request.prompt) + extras.reduce((sum, extra) => sum + (extra ? estimateJsonTokens(extra) : 0), 0)
}

/** A prompt grows at its end: what was counted once is not counted again with every step. */
const counted = new WeakMap<LanguageModelV4Message, number>()

function estimatePromptTokens(prompt: LanguageModelV4Prompt): number {
  let tokens = 0
  for (const message of prompt) {
    let own = counted.get(message)
    if (own === undefined) counted.set(message, (own = estimateMessageTokens(message)))
    tokens += own
  }
  return tokens
}

function estimateMessageTokens(message: LanguageModelV4Message): number {
  let tokens = TOKENS_PER_MESSAGE
  if (message.role === 'system') return tokens + estimateSystemTokens(message.content)
  for (const part of message.content) {
    if (part.type === 'text' || part.type === 'reasoning') tokens += estimateTokens(part.text)
    else if (part.type === 'file' || part.type === 'reasoning-file') tokens += TOKENS_PER_FILE
    else if (part.type === 'tool-result' && part.output.type === 'content') tokens += estimateContent(part.output)
    else tokens += estimateTokens(JSON.stringify(part))
  }
  return tokens
}

/** A result in parts: the bytes of its files are not counted as text. */
function estimateContent({ value }: Extract<LanguageModelV4ToolResultOutput, { type: 'content' }>): number {
  return value.reduce(
    (sum, item) => sum + (item.type === 'file' ? TOKENS_PER_FILE : estimateTokens(JSON.stringify(item))),
    TOKENS_PER_MESSAGE,
  )
}

/** What an answer used, and whether any of it had to be estimated. `cacheWrite` is the part of the input the provider wrote to its cache. */
export interface CountedUsage {
  readonly usage: Usage
  readonly estimated: boolean
  readonly cacheWriteTokens: number
}

/**
 * Maps usage of specification v4. A count the provider did not send is summed up from its parts, else estimated:
 * zero would let a budget run past its limit.
 */
export function countUsage(answer: Answer, request: ModelRequest): CountedUsage {
  const { inputTokens: input, outputTokens: output } = answer.usage
  const inputTotal = input.total ?? sumOf(input.noCache, input.cacheRead, input.cacheWrite)
  const outputTotal = output.total ?? sumOf(output.text, output.reasoning)
  return {
    usage: {
      inputTokens: inputTotal ?? estimateRequestTokens(request),
      outputTokens: outputTotal ?? estimateOutput(answer),
      ...(input.cacheRead !== undefined && { cachedInputTokens: input.cacheRead }),
      ...(output.reasoning !== undefined && { reasoningTokens: output.reasoning }),
    },
    estimated: inputTotal === undefined || outputTotal === undefined,
    cacheWriteTokens: input.cacheWrite ?? 0,
  }
}

/** What an attempt that broke off has cost: providers bill the prompt and what they had written. */
export function brokenUsage(request: ModelRequest, receivedChars: number): Usage {
  return { inputTokens: estimateRequestTokens(request), outputTokens: Math.ceil(receivedChars / BYTES_PER_TOKEN) }
}

function sumOf(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0)
}

function estimateOutput(answer: Answer): number {
  let tokens = 0
  for (const part of answer.content) {
    if (part.type === 'text' || part.type === 'reasoning') tokens += estimateTokens(part.text)
    else if (part.type === 'tool-call') tokens += estimateTokens(part.toolName + part.input)
    else if (part.type === 'file' || part.type === 'reasoning-file') tokens += TOKENS_PER_FILE
  }
  return tokens
}
