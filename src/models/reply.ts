import type { LanguageModelV4Content, LanguageModelV4FilePart, LanguageModelV4Message, SharedV4ProviderMetadata } from '@ai-sdk/provider'
import { assertNever } from '../util/assert-never.ts'
import type { Answer } from './answer.ts'
import { base64Of } from '../util/base64.ts'
import type { ModelReply, ReplyPart, RequestedToolCall } from './model.ts'

type AssistantContent = Extract<LanguageModelV4Message, { role: 'assistant' }>['content']

/** The parts of an answer as plain JSON: sources and approval requests are dropped, bytes become base64. */
export function replyParts(content: Answer['content']): ReplyPart[] {
  return content.flatMap((part) => replyPart(part) ?? [])
}

function replyPart(part: LanguageModelV4Content): ReplyPart | undefined {
  const options = part.type === 'tool-approval-request' ? {} : keepMetadata(part.providerMetadata)
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return { type: part.type, text: part.text, ...options }
    case 'tool-call':
      return {
        type: 'tool-call',
        id: part.toolCallId,
        name: part.toolName,
        input: part.input.trim() === '' ? '{}' : part.input,
        ...(part.providerExecuted && { providerExecuted: true }),
        ...options,
      }
    case 'tool-result':
      return {
        type: 'tool-result',
        id: part.toolCallId,
        name: part.toolName,
        result: part.result,
        ...(part.isError && { isError: true }),
        ...options,
      }
    case 'file':
    case 'reasoning-file':
      return {
        type: part.type,
        mediaType: part.mediaType,
        ...(part.data.type === 'url'
          ? { url: part.data.originalUrl ?? part.data.url.href }
          : { base64: typeof part.data.data === 'string' ? part.data.data : base64Of(part.data.data) }),
        ...options,
      }
    case 'custom':
      // Anthropic's streams begin with one that only repeats the first usage count; it is never sent back.
      return part.kind === 'anthropic.message_start' ? undefined : { type: 'custom', kind: part.kind, ...options }
    case 'source':
    case 'tool-approval-request':
      return undefined
    default:
      return assertNever(part)
  }
}

/** The fields of a reply that come from an answer's parts. `content` is there only where text and calls would lose something. */
export function replyFields(parts: readonly ReplyPart[]): Pick<ModelReply, 'text' | 'reasoning' | 'toolCalls' | 'content'> {
  const textOf = (type: 'text' | 'reasoning'): string => parts.flatMap((part) => (part.type === type ? [part.text] : [])).join('')
  const reasoning = textOf('reasoning')
  const toolCalls: RequestedToolCall[] = parts.flatMap((part) =>
    part.type === 'tool-call' && !part.providerExecuted ? [{ id: part.id, name: part.name, input: part.input }] : [],
  )
  return { text: textOf('text'), ...(reasoning && { reasoning }), toolCalls, ...(!isPlain(parts) && { content: parts }) }
}

function isPlain(parts: readonly ReplyPart[]): boolean {
  const firstCall = parts.findIndex((part) => part.type === 'tool-call')
  return parts.every((part, index) => {
    if (part.providerOptions) return false
    if (part.type === 'text') return firstCall === -1 || index < firstCall
    return part.type === 'tool-call' && !part.providerExecuted
  })
}

/** The reply as the assistant's message of the next prompt, with everything the provider wants to see again (signatures, item ids). */
export function assistantMessage(reply: Pick<ModelReply, 'text' | 'toolCalls' | 'content'>): LanguageModelV4Message {
  const parts: readonly ReplyPart[] = reply.content ?? [
    ...(reply.text ? [{ type: 'text' as const, text: reply.text }] : []),
    ...reply.toolCalls.map((call) => ({ type: 'tool-call' as const, ...call })),
  ]
  return { role: 'assistant', content: parts.map(promptPart) }
}

function promptPart(part: ReplyPart): AssistantContent[number] {
  const options = part.providerOptions ? { providerOptions: part.providerOptions } : {}
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return { type: part.type, text: part.text, ...options }
    case 'tool-call':
      return {
        type: 'tool-call',
        toolCallId: part.id,
        toolName: part.name,
        input: parsedInput(part.input),
        ...(part.providerExecuted && { providerExecuted: true }),
        ...options,
      }
    case 'tool-result':
      return {
        type: 'tool-result',
        toolCallId: part.id,
        toolName: part.name,
        output: { type: part.isError ? 'error-json' : 'json', value: part.result },
        ...options,
      }
    case 'file':
      return { type: 'file', mediaType: part.mediaType, data: fileData(part), ...options }
    case 'reasoning-file':
      return { type: 'reasoning-file', mediaType: part.mediaType, data: fileData(part), ...options }
    case 'custom':
      return { type: 'custom', kind: part.kind, ...options }
    default:
      return assertNever(part)
  }
}

/** Providers want an object here; text that is no JSON is shown back to the model as it wrote it. */
function parsedInput(input: string): unknown {
  try {
    return JSON.parse(input)
  } catch {
    return { unparsable: input }
  }
}

type ByteSource = Extract<LanguageModelV4FilePart['data'], { type: 'data' | 'url' }>

function fileData(part: { readonly base64?: string; readonly url?: string }): ByteSource {
  return part.url !== undefined && URL.canParse(part.url)
    ? { type: 'url', url: new URL(part.url), originalUrl: part.url }
    : { type: 'data', data: part.base64 ?? '' }
}

function keepMetadata(metadata?: SharedV4ProviderMetadata): Pick<ReplyPart, 'providerOptions'> {
  if (!metadata) return {}
  const kept = Object.entries(metadata).filter(([, data]) => Object.keys(data).length > 0)
  return kept.length === 0 ? {} : { providerOptions: Object.fromEntries(kept) }
}
