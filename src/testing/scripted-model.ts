import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4Prompt,
} from '@ai-sdk/provider'
import { TroupeError } from '../errors/troupe-error.ts'
import { streamOf, usageV4 } from '../models/answer-stream.ts'
import { callMark, promptText } from '../models/prompt-text.ts'
import type { JsonValue } from '../util/json.ts'

/** A rule of a scripted model: the first whose `when` fits the prompt gives the reply. */
export interface ScriptedRule {
  /** A pattern over the text of the whole prompt (messages a blank line apart), or a predicate over its messages. Absent: fits any prompt. */
  readonly when?: RegExp | ((prompt: LanguageModelV4Prompt, call: LanguageModelV4CallOptions) => boolean)
  /** Only calls of this agent (`providerOptions.troupe.agent`). */
  readonly agent?: string
  readonly reply:
    | ScriptedReply
    | readonly ScriptedReply[]
    | ((prompt: LanguageModelV4Prompt, call: LanguageModelV4CallOptions) => ScriptedReply | Promise<ScriptedReply>)
}

/** Text, more than text, or an error that is thrown. */
export type ScriptedReply = string | ScriptedAnswer | Error

export interface ScriptedAnswer {
  readonly content?: string
  readonly reasoning?: string
  readonly toolCalls?: readonly { readonly id?: string; readonly name: string; readonly arguments: JsonValue }[]
  /** Default: four characters a token. */
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number }
}

/** A language model for tests, with what it was asked. */
export interface ScriptedModel extends LanguageModelV4 {
  /** All calls so far, in the order in which they came. */
  readonly calls: readonly LanguageModelV4CallOptions[]
  /** The prompt of each call as text. */
  readonly prompts: readonly string[]
}

/**
 * A model that answers by rules. A reply is a function of the call, never of how often was asked, so a resumed run and
 * parallel runs get the same: of a list of replies the one numbered by the assistant messages in the prompt is given, the last one from there on.
 * Throws `model/no-turn` where no rule fits. One reply for every prompt: `scriptedModel('text')`; replies by turn: `scriptedModel(['first', 'second'])`.
 */
export function scriptedModel(script: ScriptedReply | readonly (ScriptedRule | ScriptedReply)[]): ScriptedModel {
  const rules = rulesOf(script)
  const calls: LanguageModelV4CallOptions[] = []

  const doGenerate = async (call: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> => {
    calls.push(call)
    const rule = rules.find((each) => fits(each, call))
    if (!rule) {
      throw new TroupeError('model/no-turn', `no rule of the scripted model fits: ${promptText(call.prompt.slice(-1)).slice(0, 300)}`, {
        details: { agent: callMark(call).agent ?? null },
      })
    }
    const turn = call.prompt.filter((message) => message.role === 'assistant').length
    const reply =
      typeof rule.reply === 'function'
        ? await rule.reply(call.prompt, call)
        : isList(rule.reply)
          ? rule.reply[Math.min(turn, rule.reply.length - 1)]
          : rule.reply
    if (reply === undefined) throw new TroupeError('model/no-turn', 'a rule of the scripted model has an empty list of replies')
    if (reply instanceof Error) throw reply
    return resultOf(typeof reply === 'string' ? { content: reply } : reply, turn, call.prompt)
  }

  return {
    specificationVersion: 'v4',
    provider: 'troupe.scripted',
    modelId: 'script',
    supportedUrls: {},
    calls,
    get prompts() {
      return calls.map((call) => promptText(call.prompt))
    },
    doGenerate,
    doStream: async (call) => ({ stream: streamOf(await doGenerate(call)) }),
  }
}

function rulesOf(script: ScriptedReply | readonly (ScriptedRule | ScriptedReply)[]): readonly ScriptedRule[] {
  if (!isList(script)) return [{ reply: script }]
  const rules = script.filter(isRule)
  if (rules.length === script.length) return rules
  if (rules.length > 0) throw new TroupeError('config/invalid', 'a scripted model takes rules or replies, not both in one list')
  return [{ reply: script.filter((each): each is ScriptedReply => !isRule(each)) }]
}

function isRule(each: ScriptedRule | ScriptedReply): each is ScriptedRule {
  return typeof each === 'object' && 'reply' in each
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}

function fits({ agent, when }: ScriptedRule, call: LanguageModelV4CallOptions): boolean {
  if (agent !== undefined && agent !== callMark(call).agent) return false
  if (when === undefined) return true
  return typeof when === 'function' ? when(call.prompt, call) : promptText(call.prompt).search(when) >= 0
}

function resultOf(answer: ScriptedAnswer, turn: number, prompt: LanguageModelV4Prompt): LanguageModelV4GenerateResult {
  const content: LanguageModelV4Content[] = []
  if (answer.reasoning) content.push({ type: 'reasoning', text: answer.reasoning })
  if (answer.content) content.push({ type: 'text', text: answer.content })
  for (const [index, call] of (answer.toolCalls ?? []).entries()) {
    const input = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments)
    content.push({ type: 'tool-call', toolCallId: call.id ?? `call_${turn}_${index}`, toolName: call.name, input })
  }
  const written = content.reduce(
    (sum, part) => sum + (part.type === 'tool-call' ? part.input.length : 'text' in part ? part.text.length : 0),
    0,
  )
  const usage = answer.usage ?? { inputTokens: Math.ceil(promptText(prompt).length / 4), outputTokens: Math.ceil(written / 4) }
  return {
    content,
    finishReason: { unified: answer.toolCalls?.length ? 'tool-calls' : 'stop', raw: undefined },
    usage: usageV4(usage.inputTokens, usage.outputTokens),
    warnings: [],
  }
}
