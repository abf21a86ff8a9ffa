import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider'

/** A complete answer of specification v4, however it came: in one piece or streamed. */
export interface Answer {
  readonly content: readonly LanguageModelV4Content[]
  readonly finishReason: LanguageModelV4FinishReason
  readonly usage: LanguageModelV4Usage
  readonly modelId?: string
}

/** Marks a stream that broke after `received` characters had come in; its cause is what broke it, if anything said so. */
export class BrokenStream extends Error {
  override readonly name: string = 'BrokenStream'
  readonly received: number

  constructor(message: string, received: number, cause?: unknown) {
    super(message, { cause })
    this.received = received
  }
}

/** Asks without streaming. */
export async function generateAnswer(model: LanguageModelV4, options: LanguageModelV4CallOptions): Promise<Answer> {
  const result = await model.doGenerate(options)
  return {
    content: result.content,
    finishReason: result.finishReason,
    usage: result.usage,
    ...(result.response?.modelId && { modelId: result.response.modelId }),
  }
}

/** Asks with streaming, hands out text as it comes, and returns the whole. A stream without `finish` is a `BrokenStream`, never a short answer. */
export async function streamAnswer(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  onText: (text: string) => void,
): Promise<Answer> {
  const { stream } = await model.doStream(options)
  const collector = collectParts()
  try {
    for await (const part of stream) {
      collector.add(part)
      if (part.type === 'text-delta') onText(part.delta)
    }
  } catch (error) {
    if (error instanceof BrokenStream) throw error
    throw new BrokenStream('the answer broke off', collector.received(), error)
  }
  return collector.answer()
}

/** Puts stream parts together to an `Answer`. `add` throws on an `error` part, `answer` where no `finish` came. */
export interface PartCollector {
  add(part: LanguageModelV4StreamPart): void
  received(): number
  answer(): Answer
}

export function collectParts(): PartCollector {
  const content: LanguageModelV4Content[] = []
  const open = new Map<string, number>()
  let end: Extract<LanguageModelV4StreamPart, { type: 'finish' }> | undefined
  let modelId: string | undefined
  let received = 0

  const update = (key: string, change: (part: LanguageModelV4Content) => LanguageModelV4Content): void => {
    const at = open.get(key)
    const part = at === undefined ? undefined : content[at]
    if (at !== undefined && part) content[at] = change(part)
  }
  const begin = (key: string, part: LanguageModelV4Content): void => {
    open.set(key, content.length)
    content.push(part)
  }
  const append = (key: string, type: 'text' | 'reasoning', delta: string, metadata?: SharedV4ProviderMetadata): void => {
    received += delta.length
    if (!open.has(key)) begin(key, { type, text: '' })
    update(key, (part) => (part.type === type ? { ...part, text: part.text + delta, ...merged(part.providerMetadata, metadata) } : part))
  }

  const add = (part: LanguageModelV4StreamPart): void => {
    switch (part.type) {
      case 'text-start':
      case 'reasoning-start':
        begin(`${part.type.slice(0, 4)}:${part.id}`, {
          type: part.type === 'text-start' ? 'text' : 'reasoning',
          text: '',
          ...merged(part.providerMetadata),
        })
        break
      case 'text-delta':
        append(`text:${part.id}`, 'text', part.delta, part.providerMetadata)
        break
      case 'reasoning-delta':
        append(`reas:${part.id}`, 'reasoning', part.delta, part.providerMetadata)
        break
      case 'text-end':
      case 'reasoning-end':
        update(`${part.type.slice(0, 4)}:${part.id}`, (whole) => ({ ...whole, ...merged(whole.providerMetadata, part.providerMetadata) }))
        break
      case 'tool-call':
        received += part.input.length
        content.push(part)
        break
      case 'tool-result':
        if (!part.preliminary) content.push(part)
        break
      case 'file':
      case 'reasoning-file':
      case 'custom':
      case 'source':
      case 'tool-approval-request':
        content.push(part)
        break
      case 'response-metadata':
        modelId = part.modelId ?? modelId
        break
      case 'finish':
        end = part
        break
      case 'error':
        throw new BrokenStream('the provider ended the answer with an error', received, part.error)
      default:
        break // 'stream-start', 'ping', 'raw', 'tool-input-…', and parts of later revisions: nothing of the answer is in them
    }
  }

  return {
    add,
    received: () => received,
    answer: () => {
      if (!end || isMadeUp(end)) throw new BrokenStream('the answer broke off: the stream ended without a finish', received)
      return { content, finishReason: end.finishReason, usage: end.usage, ...(modelId && { modelId }) }
    },
  }
}

/** Some provider packages end a stream that was cut with a finish of their own: no reason the provider gave, and no count. */
function isMadeUp({ finishReason, usage }: Extract<LanguageModelV4StreamPart, { type: 'finish' }>): boolean {
  const counted = usage.inputTokens.total !== undefined || usage.outputTokens.total !== undefined
  return finishReason.unified === 'other' && finishReason.raw === undefined && !counted
}

function merged(before?: SharedV4ProviderMetadata, now?: SharedV4ProviderMetadata): { providerMetadata?: SharedV4ProviderMetadata } {
  if (!before && !now) return {}
  const all: SharedV4ProviderMetadata = { ...before }
  for (const [provider, data] of Object.entries(now ?? {})) all[provider] = { ...all[provider], ...data }
  return { providerMetadata: all }
}
