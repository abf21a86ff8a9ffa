import type { LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider'
import { assistantMessage } from '../models/reply.ts'
import { assertNever } from '../util/assert-never.ts'
import type { Step, Transcript } from './transcript.ts'

/**
 * The prompt of the next step. It only ever grows at its end, so that a provider's prompt cache hits: system text, the
 * task, then for each step the model's own answer and what came of it.
 */
export function promptOf(system: string, transcript: Transcript): LanguageModelV4Prompt {
  return [{ role: 'system', content: system }, taskMessage(transcript), ...transcript.steps.flatMap(messagesOf)]
}

function taskMessage({ task, context, images }: Transcript): LanguageModelV4Message {
  const text = context === '' ? task : `${task}\n\n${context}`
  return { role: 'user', content: [{ type: 'text', text }, ...images.map(imagePart)] }
}

function imagePart(url: string): { type: 'file'; data: { type: 'url'; url: URL }; mediaType: string } {
  const mediaType = /^data:([^;,]+)/.exec(url)?.[1] ?? 'image/*'
  return { type: 'file', data: { type: 'url', url: new URL(url) }, mediaType }
}

function messagesOf(step: Step): LanguageModelV4Message[] {
  return [answerMessage(step), { role: 'user', content: [{ type: 'text', text: feedbackOf(step) }] }]
}

/** Providers refuse a message without content, and an empty answer is one. */
function answerMessage({ reply }: Step): LanguageModelV4Message {
  const isEmpty = reply.text.trim() === '' && reply.content === undefined
  return assistantMessage(isEmpty ? { text: '(an empty answer)', toolCalls: [] } : reply)
}

function feedbackOf(step: Step): string {
  switch (step.type) {
    case 'action':
      return step.observation
    case 'fault':
      return step.fault
    case 'rejected':
      return `${step.observation}\n\n${step.reasons}`
    default:
      return assertNever(step)
  }
}
