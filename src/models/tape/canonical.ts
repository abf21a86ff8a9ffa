import type { LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider'
import { messageText } from '../prompt-text.ts'

/** A message as a tape knows it: who says what, without anything that differs between two runs of the same thing. */
export interface CanonicalMessage {
  readonly role: LanguageModelV4Message['role']
  readonly text: string
}

/**
 * What differs between equal runs, and the word that stands for it; in this order, since a time holds digits and an id may hold a time.
 * Only what is plainly of a run's making: an `"id"` or "in 5 minutes" may be what the task is about, and must not be lost.
 */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b(?:call|run|toolu|chatcmpl|msg|resp|fc)[_-](?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{6,}/g, '<id>'],
  [/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, '<id>'], // ULID
  [/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?/g, '<time>'],
  [/("(?:runId|callId|childRunId|toolCallId|traceId|spanId)"\s*:\s*)"[^"]*"/g, '$1"<id>"'],
  [/("(?:at|createdAt|startedAt|endedAt|timestamp)"\s*:\s*)(?:"[^"]*"|\d{10,})/g, '$1"<time>"'],
  [/("(?:durationMs|elapsedMs|tookMs)"\s*:\s*)[\d.]+/g, '$1"<duration>"'],
  [/("(?:costUsd|spentUsd)"\s*:\s*)[\d.e-]+/g, '$1"<cost>"'],
  [/\b(?:took|elapsed:?)\s+\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds|minutes|min)\b/gi, '<duration>'],
  [/\bcost:?\s+\$\d+(?:\.\d+)?/gi, '<cost>'],
]

/** The prompt as a tape compares it: text only; ids, times, durations and cost are replaced by `<id>`, `<time>`, `<duration>`, `<cost>`. */
export function canonicalPrompt(prompt: LanguageModelV4Prompt): CanonicalMessage[] {
  return prompt.map((message) => ({ role: message.role, text: canonicalText(messageText(message)) }))
}

function canonicalText(text: string): string {
  return VOLATILE.reduce((changed, [pattern, word]) => changed.replace(pattern, word), text).replace(/[ \t]+$/gm, '')
}

/** What equal prompts have in common, as a map's key. */
export function promptKey(prompt: readonly CanonicalMessage[]): string {
  return JSON.stringify(prompt.map(({ role, text }) => [role, text]))
}
