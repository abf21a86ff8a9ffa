import type { LanguageModelV4CallOptions, LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { CallMark } from './model.ts'

/** A message's text as a reader sees it: text, then tool calls and results as JSON. Files are named by their media type. */
export function messageText(message: LanguageModelV4Message): string {
  if (message.role === 'system') return message.content
  const texts: string[] = []
  for (const part of message.content) {
    switch (part.type) {
      case 'text':
      case 'reasoning':
        texts.push(part.text)
        break
      case 'tool-call':
        texts.push(`${part.toolName}(${JSON.stringify(part.input)})`)
        break
      case 'tool-result':
        texts.push(resultText(part.output))
        break
      case 'file':
      case 'reasoning-file':
        texts.push(`[file ${part.mediaType}]`)
        break
      default:
        texts.push(JSON.stringify(part))
    }
  }
  return texts.join('\n')
}

/** All text of a prompt, a blank line between messages. */
export function promptText(prompt: LanguageModelV4Prompt): string {
  return prompt.map(messageText).join('\n\n')
}

/** Who asks, from `providerOptions.troupe`; an empty mark where the call carries none. */
export function callMark(options: Pick<LanguageModelV4CallOptions, 'providerOptions'>): CallMark {
  const { agent, run, step, turn } = options.providerOptions?.['troupe'] ?? {}
  return {
    ...(typeof agent === 'string' && { agent }),
    ...(typeof run === 'string' && { run }),
    ...(typeof step === 'string' && { step }),
    ...(typeof turn === 'number' && { turn }),
  }
}

type ResultOutput = Extract<Extract<LanguageModelV4Message, { role: 'tool' }>['content'][number], { type: 'tool-result' }>['output']

function resultText(output: ResultOutput): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value)
    case 'execution-denied':
      return output.reason ?? 'denied'
    default:
      return output.value
        .map((item) => (item.type === 'text' ? item.text : item.type === 'file' ? `[file ${item.mediaType}]` : `[${item.type}]`))
        .join('\n')
  }
}
