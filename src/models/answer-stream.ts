import type {
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider'

/** Characters a streamed piece of text has; small, so that whoever assembles pieces is tried by every test. */
const PIECE = 24

/** A complete answer as a stream of specification v4, text in small pieces: how scripts and tapes stream. */
export function streamOf(
  result: Pick<LanguageModelV4GenerateResult, 'content' | 'finishReason' | 'usage' | 'response'>,
): ReadableStream<LanguageModelV4StreamPart> {
  const parts = partsOf(result)
  return new ReadableStream({
    pull: (controller) => {
      const next = parts.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
  })
}

function* partsOf(
  result: Pick<LanguageModelV4GenerateResult, 'content' | 'finishReason' | 'usage' | 'response'>,
): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings: [] }
  if (result.response?.modelId) yield { type: 'response-metadata', modelId: result.response.modelId }
  for (const [index, part] of result.content.entries()) yield* pieces(part, String(index))
  yield { type: 'finish', finishReason: result.finishReason, usage: result.usage }
}

function* pieces(part: LanguageModelV4Content, id: string): Generator<LanguageModelV4StreamPart> {
  if (part.type !== 'text' && part.type !== 'reasoning') {
    yield part
    return
  }
  const metadata = part.providerMetadata ? { providerMetadata: part.providerMetadata } : {}
  yield { type: `${part.type}-start`, id }
  for (const delta of part.text.match(new RegExp(`[^]{1,${PIECE}}`, 'gu')) ?? []) yield { type: `${part.type}-delta`, id, delta }
  yield { type: `${part.type}-end`, id, ...metadata }
}

/** Usage of specification v4 from two counts. */
export function usageV4(inputTokens: number, outputTokens: number): LanguageModelV4Usage {
  return {
    inputTokens: { total: inputTokens, noCache: inputTokens, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: outputTokens, text: outputTokens, reasoning: undefined },
  }
}
