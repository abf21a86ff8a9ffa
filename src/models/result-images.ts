import type {
  LanguageModelV4,
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolResultPart,
} from '@ai-sdk/provider'

/**
 * Providers whose tool messages are text. Chat completions know no other (adapters name themselves `….chat`): their packages would write an
 * image's base64 into the text. Hugging Face's package sends no tool messages at all.
 */
const TEXT_ONLY = /\.chat$|^huggingface\b|^mistral\b/

/** Mistral's API and templates refuse a user message right after a tool's: an assistant's has to come between. Its models are served by many. */
const NO_USER_AFTER_TOOL = /^mistral\b/
const MISTRAL_MODEL = /(?:mi|mini|dev|code|magi|vox)stral|[mp]ixtral/i
const BETWEEN = 'I have the results.'

/** The model, asked so that its provider can take images in tool results: where it cannot, they come in a user message right after the results. */
export function withResultImages(model: LanguageModelV4): LanguageModelV4 {
  if (!TEXT_ONLY.test(model.provider)) return model
  const isStrict = NO_USER_AFTER_TOOL.test(model.provider) || MISTRAL_MODEL.test(model.modelId)
  const fitted = (prompt: LanguageModelV4Prompt): LanguageModelV4Prompt =>
    isStrict ? assistantBetween(imagesAfterResults(prompt)) : imagesAfterResults(prompt)
  return {
    specificationVersion: 'v4',
    provider: model.provider,
    modelId: model.modelId,
    get supportedUrls() {
      return model.supportedUrls
    },
    doGenerate: (options) => model.doGenerate({ ...options, prompt: fitted(options.prompt) }),
    doStream: (options) => model.doStream({ ...options, prompt: fitted(options.prompt) }),
  }
}

/** The prompt with the files of each tool message in a user message after it, in their order. */
export function imagesAfterResults(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  return prompt.flatMap((message): LanguageModelV4Message[] => {
    if (message.role !== 'tool') return [message]
    const files: LanguageModelV4FilePart[] = []
    const content = message.content.map((part) => (part.type === 'tool-result' ? asText(part, files) : part))
    if (files.length === 0) return [message]
    return [
      { ...message, content },
      { role: 'user', content: [{ type: 'text', text: 'The images of the results above:' }, ...files] },
    ]
  })
}

function assistantBetween(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  return prompt.flatMap((message, i): LanguageModelV4Message[] => {
    const isRefused = message.role === 'user' && prompt[i - 1]?.role === 'tool'
    return isRefused ? [{ role: 'assistant', content: [{ type: 'text', text: BETWEEN }] }, message] : [message]
  })
}

function asText(part: LanguageModelV4ToolResultPart, files: LanguageModelV4FilePart[]): LanguageModelV4ToolResultPart {
  const { output } = part
  if (output.type !== 'content') return part
  const found = output.value.filter((item) => item.type === 'file')
  if (found.length === 0) return part
  files.push(...found)
  const text = output.value.flatMap((item) => (item.type === 'text' ? [item.text] : [])).join('\n')
  return { ...part, output: { type: 'text', value: text } }
}
