import type { LanguageModelV4Content } from '@ai-sdk/provider'
import { assertNever } from '../../util/assert-never.ts'
import type { ModelReply, ReplyPart } from '../model.ts'
import type { TapeAnswer } from './tape-file.ts'

/** The answer of a model as a run log has it, in the form in which the model gave it. */
export function loggedAnswer({ text, toolCalls, content, usage, finishReason, modelId }: ModelReply): TapeAnswer {
  const parts: readonly ReplyPart[] = content ?? [
    ...(text ? [{ type: 'text' as const, text }] : []),
    ...toolCalls.map((call) => ({ type: 'tool-call' as const, ...call })),
  ]
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage
  return {
    content: parts.map(contentOf),
    finishReason: { unified: finishReason, raw: undefined },
    usage: {
      inputTokens: { total: inputTokens, noCache: undefined, cacheRead: cachedInputTokens, cacheWrite: undefined },
      outputTokens: { total: outputTokens, text: undefined, reasoning: reasoningTokens },
    },
    modelId,
  }
}

function contentOf(part: ReplyPart): LanguageModelV4Content {
  const metadata = part.providerOptions ? { providerMetadata: part.providerOptions } : {}
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return { type: part.type, text: part.text, ...metadata }
    case 'tool-call': {
      const { id: toolCallId, name: toolName, input, providerExecuted } = part
      return { type: 'tool-call', toolCallId, toolName, input, ...(providerExecuted && { providerExecuted }), ...metadata }
    }
    case 'tool-result': {
      const { id: toolCallId, name: toolName, result, isError } = part
      return { type: 'tool-result', toolCallId, toolName, result, ...(isError && { isError }), ...metadata }
    }
    case 'file':
    case 'reasoning-file':
      return { type: part.type, mediaType: part.mediaType, data: dataOf(part), ...metadata }
    case 'custom':
      return { type: 'custom', kind: part.kind, ...metadata }
    default:
      return assertNever(part)
  }
}

type FileData = Extract<LanguageModelV4Content, { type: 'file' }>['data']

function dataOf({ base64 = '', url }: { readonly base64?: string; readonly url?: string }): FileData {
  return url !== undefined && URL.canParse(url) ? { type: 'url', url: new URL(url), originalUrl: url } : { type: 'data', data: base64 }
}
