import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolResultOutput,
} from '@ai-sdk/provider'
import { assistantMessage } from '../models/reply.ts'
import { assertNever } from '../util/assert-never.ts'
import type { PromptTemplates } from './prompts/prompts.ts'
import { imagePart } from './images.ts'
import { imagesOf, type CallResult, type Step, type Transcript } from './transcript.ts'

/** Steps whose images are in the prompt, the newest: of older ones only the text that names them is. */
const STEPS_WITH_IMAGES = 2

/**
 * The prompt of the next step. It only ever grows at its end, so that a provider's prompt cache hits: system text, the
 * task (after those of the session's earlier runs), then for each step the model's own answer and what came of it.
 * Images alone leave it again, two steps after they came.
 */
export function promptOf(prompts: PromptTemplates, system: string, transcript: Transcript): LanguageModelV4Prompt {
  const runs = [...transcript.earlier, transcript]
  const taken = runs.flatMap((run) => run.steps).filter((step) => step.type !== 'plan')
  const recent = new Set<Step>(taken.slice(-STEPS_WITH_IMAGES))
  return [
    { role: 'system', content: system },
    ...runs.flatMap((run) => [taskMessage(run), ...run.steps.flatMap((step) => keptMessages(prompts, step, recent.has(step)))]),
  ]
}

export function userMessage(text: string, images: readonly LanguageModelV4FilePart[] = []): LanguageModelV4Message {
  return { role: 'user', content: [{ type: 'text', text }, ...images] }
}

function taskMessage({ task, context, images }: Transcript): LanguageModelV4Message {
  const text = context === '' ? task : `${task}\n\n${context}`
  return { role: 'user', content: [{ type: 'text', text }, ...images.map(urlPart)] }
}

function urlPart(url: string): { type: 'file'; data: { type: 'url'; url: URL }; mediaType: string } {
  const mediaType = /^data:([^;,]+)/.exec(url)?.[1] ?? 'image/*'
  return { type: 'file', data: { type: 'url', url: new URL(url) }, mediaType }
}

/** A step does not change, so its messages are made once; the same objects let counts of them be kept as well. */
const kept = new WeakMap<Step, readonly LanguageModelV4Message[]>()
const keptWithImages = new WeakMap<Step, readonly LanguageModelV4Message[]>()

function keptMessages(prompts: PromptTemplates, step: Step, isRecent: boolean): readonly LanguageModelV4Message[] {
  const withImages = isRecent && imagesOf(step).length > 0
  const place = withImages ? keptWithImages : kept
  let messages = place.get(step)
  if (messages === undefined) place.set(step, (messages = messagesOf(prompts, step, withImages)))
  return messages
}

function messagesOf(prompts: PromptTemplates, step: Step, withImages: boolean): readonly LanguageModelV4Message[] {
  const images = withImages ? imagesOf(step).map(imagePart) : []
  if (step.type === 'calls') return [...(step.isInText ? callsAsText(step, images) : callMessages(step, withImages)), ...rejection(step)]
  return [answerMessage(step), ...feedback(prompts, step, images), ...rejection(step)]
}

function feedback(
  prompts: PromptTemplates,
  step: Exclude<Step, { type: 'calls' }>,
  images: readonly LanguageModelV4FilePart[],
): readonly LanguageModelV4Message[] {
  switch (step.type) {
    case 'plan':
      return [userMessage(prompts.carryOut())]
    case 'code':
      return [userMessage(step.observation, images)]
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
function callsAsText(
  step: Extract<Step, { type: 'calls' }>,
  images: readonly LanguageModelV4FilePart[],
): readonly LanguageModelV4Message[] {
  return [answerMessage(step), userMessage(step.results.map(({ tool, text }) => `${tool}: ${text}`).join('\n\n'), images)]
}

/** The native form: the calls with ids that are unique in the step, then one message with all results in call order. */
function callMessages({ reply, results }: Extract<Step, { type: 'calls' }>, withImages: boolean): readonly LanguageModelV4Message[] {
  const toolCalls = reply.toolCalls.map((call, i) => ({ ...call, id: results[i]?.id ?? call.id }))
  let at = 0
  const content = reply.content?.map((part) =>
    part.type === 'tool-call' && !part.providerExecuted ? { ...part, id: results[at++]?.id ?? part.id } : part,
  )
  return [
    assistantMessage({ text: reply.text, toolCalls, ...(content && { content }) }),
    {
      role: 'tool',
      content: results.map((result) => ({
        type: 'tool-result',
        toolCallId: result.id,
        toolName: result.tool,
        output: resultOutput(result, withImages),
      })),
    },
  ]
}

/** Text first: Gemini's adapter takes a result without any for none at all. */
function resultOutput({ text, isError, images = [] }: CallResult, withImages: boolean): LanguageModelV4ToolResultOutput {
  if (!withImages || images.length === 0) return { type: isError ? 'error-text' : 'text', value: text }
  return { type: 'content', value: [{ type: 'text', text }, ...images.map(imagePart)] }
}
