import type { LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider'
import { assistantMessage } from '../models/reply.ts'
import { assertNever } from '../util/assert-never.ts'
import type { PromptTemplates } from './prompts/prompts.ts'
import type { Step, Transcript } from './transcript.ts'

/**
 * The prompt of the next step. It only ever grows at its end, so that a provider's prompt cache hits: system text, the
 * task (after those of the session's earlier runs), then for each step the model's own answer and what came of it.
 */
export function promptOf(prompts: PromptTemplates, system: string, transcript: Transcript): LanguageModelV4Prompt {
  const runs = [...transcript.earlier, transcript]
  return [
    { role: 'system', content: system },
    ...runs.flatMap((run) => [taskMessage(run), ...run.steps.flatMap((step) => keptMessages(prompts, step))]),
  ]
}

export function userMessage(text: string): LanguageModelV4Message {
  return { role: 'user', content: [{ type: 'text', text }] }
}

function taskMessage({ task, context, images }: Transcript): LanguageModelV4Message {
  const text = context === '' ? task : `${task}\n\n${context}`
  return { role: 'user', content: [{ type: 'text', text }, ...images.map(imagePart)] }
}

function imagePart(url: string): { type: 'file'; data: { type: 'url'; url: URL }; mediaType: string } {
  const mediaType = /^data:([^;,]+)/.exec(url)?.[1] ?? 'image/*'
  return { type: 'file', data: { type: 'url', url: new URL(url) }, mediaType }
}

/** A step does not change, so its messages are made once; the same objects let counts of them be kept as well. */
const kept = new WeakMap<Step, readonly LanguageModelV4Message[]>()

function keptMessages(prompts: PromptTemplates, step: Step): readonly LanguageModelV4Message[] {
  let messages = kept.get(step)
  if (messages === undefined) kept.set(step, (messages = messagesOf(prompts, step)))
  return messages
}

function messagesOf(prompts: PromptTemplates, step: Step): readonly LanguageModelV4Message[] {
  if (step.type === 'calls') return [...(step.isInText ? callsAsText(step) : callMessages(step)), ...rejection(step)]
  return [answerMessage(step), ...feedback(prompts, step), ...rejection(step)]
}

function feedback(prompts: PromptTemplates, step: Exclude<Step, { type: 'calls' }>): readonly LanguageModelV4Message[] {
  switch (step.type) {
    case 'plan':
      return [userMessage(prompts.carryOut())]
    case 'code':
      return [userMessage(step.observation)]
    case 'fault':
      return [userMessage(step.fault)]
    case 'answer':
    case 'last':
      return []
    default:
      return assertNever(step)
  }
}

function rejection({ rejected }: Step): readonly LanguageModelV4Message[] {
  return rejected === undefined ? [] : [userMessage(rejected)]
}

/** The model's own words. Tool calls in them were not made, and providers refuse calls without results and empty texts. */
function answerMessage({ reply }: Step): LanguageModelV4Message {
  const content = reply.content?.filter((part) => part.type !== 'tool-call')
  const text = reply.text.trim() === '' && !content?.length ? '(an empty answer)' : reply.text
  return assistantMessage({ text, toolCalls: [], ...(content?.length && { content }) })
}

/** For a model that wrote its calls as text: the results come back as text. */
function callsAsText(step: Extract<Step, { type: 'calls' }>): readonly LanguageModelV4Message[] {
  return [answerMessage(step), userMessage(step.results.map(({ tool, text }) => `${tool}: ${text}`).join('\n\n'))]
}

/** The native form: the calls with ids that are unique in the step, then one message with all results in call order. */
function callMessages({ reply, results }: Extract<Step, { type: 'calls' }>): readonly LanguageModelV4Message[] {
  const toolCalls = reply.toolCalls.map((call, i) => ({ ...call, id: results[i]?.id ?? call.id }))
  let at = 0
  const content = reply.content?.map((part) =>
    part.type === 'tool-call' && !part.providerExecuted ? { ...part, id: results[at++]?.id ?? part.id } : part,
  )
  return [
    assistantMessage({ text: reply.text, toolCalls, ...(content && { content }) }),
    {
      role: 'tool',
      content: results.map(({ id, tool, text, isError }) => ({
        type: 'tool-result',
        toolCallId: id,
        toolName: tool,
        output: { type: isError ? 'error-text' : 'text', value: text },
      })),
    },
  ]
}
