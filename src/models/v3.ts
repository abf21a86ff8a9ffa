import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3File,
  LanguageModelV3Message,
  LanguageModelV3StreamPart,
  LanguageModelV3ToolResultPart,
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4File,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolResultPart,
  SharedV4FileData,
} from '@ai-sdk/provider'
import { TroupeError } from '../errors/troupe-error.ts'
import { base64Of } from '../util/base64.ts'
import type { LanguageModel } from './model.ts'
import { withResultImages } from './result-images.ts'

/**
 * The model as specification v4, asked with images only where its provider takes them. A v3 model is adapted: file data is untagged going in and tagged coming out, and what
 * v3 does not know (`reasoning` options, custom parts, reasoning files) is left out. Throws `model/failed` for any other specification.
 */
export function toV4(model: LanguageModel): LanguageModelV4 {
  if (typeof model !== 'object' || model === null) throw unknownSpecification(model)
  switch (model.specificationVersion) {
    case 'v4':
      return withResultImages(model)
    case 'v3':
      return withResultImages(adapt(model))
    default:
      throw unknownSpecification(model)
  }
}

type V3AssistantPart = Extract<LanguageModelV3Message, { role: 'assistant' }>['content'][number]

function unknownSpecification(model: never): TroupeError {
  const said = (model as { specificationVersion?: unknown } | undefined)?.specificationVersion
  const found = said === undefined ? typeof model : `specification ${JSON.stringify(said)}`
  return new TroupeError(
    'model/failed',
    `not a language model Troupe can talk to: found ${found}, wanted an AI SDK model of specification v4 or v3 (AI SDK 6 or later), or use resolveModel(id)`,
  )
}

function adapt(model: LanguageModelV3): LanguageModelV4 {
  return {
    specificationVersion: 'v4',
    provider: model.provider,
    modelId: model.modelId,
    get supportedUrls() {
      return model.supportedUrls
    },
    async doGenerate(options) {
      const { content, ...rest } = await model.doGenerate(toV3Options(options))
      return { ...rest, content: content.map(toV4Content) }
    },
    async doStream(options) {
      const { stream, ...rest } = await model.doStream(toV3Options(options))
      const parts = new TransformStream<LanguageModelV3StreamPart, LanguageModelV4StreamPart>({
        transform: (part, controller) => controller.enqueue(part.type === 'file' ? toV4File(part) : part),
      })
      return { ...rest, stream: stream.pipeThrough(parts) }
    },
  }
}

function toV3Options({ prompt, reasoning: _unknownToV3, ...options }: LanguageModelV4CallOptions): LanguageModelV3CallOptions {
  return { ...options, prompt: toV3Prompt(prompt) }
}

function toV3Prompt(prompt: LanguageModelV4Prompt): LanguageModelV3Message[] {
  return prompt.map(toV3Message)
}

function toV3Message(message: LanguageModelV4Message): LanguageModelV3Message {
  const options = message.providerOptions ? { providerOptions: message.providerOptions } : {}
  switch (message.role) {
    case 'system':
      return message
    case 'user':
      return {
        role: 'user',
        ...options,
        content: message.content.map((part) => (part.type === 'file' ? { ...part, data: toV3Data(part.data) } : part)),
      }
    case 'assistant':
      return {
        role: 'assistant',
        ...options,
        content: message.content.flatMap((part): V3AssistantPart[] => {
          if (part.type === 'custom' || part.type === 'reasoning-file') return []
          if (part.type === 'file') return [{ ...part, data: toV3Data(part.data) }]
          return [part.type === 'tool-result' ? toV3Result(part) : part]
        }),
      }
    case 'tool':
      return { role: 'tool', ...options, content: message.content.map((part) => (part.type === 'tool-result' ? toV3Result(part) : part)) }
    default:
      return message satisfies never
  }
}

function toV3Data(data: SharedV4FileData): Uint8Array | string | URL {
  switch (data.type) {
    case 'data':
      return data.data
    case 'url':
      return data.url
    case 'text':
      return new TextEncoder().encode(data.text)
    case 'reference':
      throw new TroupeError(
        'model/failed',
        'a file by provider reference cannot be sent to a model of specification v3: send its bytes or a URL',
      )
    default:
      return data satisfies never
  }
}

function toV3Result(part: LanguageModelV4ToolResultPart): LanguageModelV3ToolResultPart {
  const { output } = part
  if (output.type !== 'content') return { ...part, output }
  type V3Value = Extract<LanguageModelV3ToolResultPart['output'], { type: 'content' }>['value'][number]
  const value = output.value.map((item): V3Value => {
    if (item.type !== 'file') return item
    const options = item.providerOptions ? { providerOptions: item.providerOptions } : {}
    const data = toV3Data(item.data)
    // Packages of v3 take images only by their own name.
    const isImage = item.mediaType.startsWith('image/')
    if (data instanceof URL) return { type: isImage ? 'image-url' : 'file-url', url: data.href, ...options }
    const bytes = typeof data === 'string' ? data : base64Of(data)
    return { type: isImage ? 'image-data' : 'file-data', data: bytes, mediaType: item.mediaType, ...options }
  })
  return { ...part, output: { type: 'content', value } }
}

function toV4Content(content: LanguageModelV3Content): LanguageModelV4Content {
  return content.type === 'file' ? toV4File(content) : content
}

function toV4File(file: LanguageModelV3File): LanguageModelV4File {
  return { ...file, data: { type: 'data', data: file.data } }
}
