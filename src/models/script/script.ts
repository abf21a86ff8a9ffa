import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import {
  APICallError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4Content,
  type LanguageModelV4GenerateResult,
  type LanguageModelV4Prompt,
} from '@ai-sdk/provider'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { streamOf, usageV4 } from '../answer-stream.ts'
import { callMark, messageText, promptText } from '../prompt-text.ts'
import { parseScript, type Script, type ScriptPart, type ScriptTurn } from './script-file.ts'

export type { Script, ScriptPart, ScriptToolCall, ScriptTurn } from './script-file.ts'

const CHARS_PER_TOKEN = 4

/**
 * A model that plays a written script. The turn is a function of the call alone, so it survives a resume and parallel
 * runs: the part is found by the agent (`providerOptions.troupe.agent`, else its name in the system prompt) and by
 * `when` over the task; the turn is the number of assistant messages in the prompt, or `providerOptions.troupe.turn`.
 * Throws `model/no-turn` where the script has no answer.
 */
export function scriptModel(script: Script): LanguageModelV4 {
  const doGenerate = async (options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> => {
    const { turn, index } = pickTurn(script, options)
    if (turn.delayMs) await wait(turn.delayMs, undefined, { ...(options.abortSignal && { signal: options.abortSignal }) })
    if (turn.error !== undefined) throw turnError(turn.error)
    return answerOf(turn, index, options.prompt)
  }
  return {
    specificationVersion: 'v4',
    provider: 'troupe.script',
    modelId: 'script',
    supportedUrls: {},
    doGenerate,
    doStream: async (options) => ({ stream: streamOf(await doGenerate(options)) }),
  }
}

/** Loads `script:FILE`. Throws `config/missing-file` where it cannot be read, `config/invalid` where it is no script. */
export async function loadScript(file: string): Promise<LanguageModelV4> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new TroupeError('config/missing-file', `the script ${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
  return scriptModel(parseScript(text, file))
}

function pickTurn(script: Script, options: LanguageModelV4CallOptions): { turn: ScriptTurn; index: number } {
  const mark = callMark(options)
  const part = pickPart(script, options.prompt, mark.agent)
  const index = mark.turn ?? options.prompt.filter((message) => message.role === 'assistant').length
  const turn = part?.turns[index]
  if (turn) return { turn, index }
  const who = mark.agent ?? part?.agent ?? 'an agent without a name'
  const named = script.map((each) => each.agent ?? 'any agent').join(', ') || 'nobody'
  throw new TroupeError(
    'model/no-turn',
    part
      ? `the script has ${part.turns.length} turns for ${who}, and turn ${index + 1} was asked for`
      : `the script has nothing for ${who} and this task (it has parts for ${named})`,
    { details: { agent: who, turn: index } },
  )
}

/** Parts that name the agent come before those for any agent. */
function pickPart(script: Script, prompt: LanguageModelV4Prompt, agent: string | undefined): ScriptPart | undefined {
  const task = taskOf(prompt)
  const fits = (part: ScriptPart): boolean => part.when === undefined || new RegExp(part.when, 'is').test(task)
  const isFor = (name: string): boolean => (agent !== undefined ? agent === name : namedIn(prompt, name))
  return (
    script.find((part) => part.agent !== undefined && isFor(part.agent) && fits(part)) ??
    script.find((part) => part.agent === undefined && fits(part))
  )
}

function taskOf(prompt: LanguageModelV4Prompt): string {
  const first = prompt.findIndex((message) => message.role === 'assistant')
  const before = first === -1 ? prompt : prompt.slice(0, first)
  return before
    .filter((message) => message.role === 'user')
    .map(messageText)
    .join('\n')
}

function namedIn(prompt: LanguageModelV4Prompt, name: string): boolean {
  const system = prompt
    .filter((message) => message.role === 'system')
    .map(messageText)
    .join('\n')
  return new RegExp(`(?<![A-Za-z0-9_])${name.replace(/\W/g, '\\$&')}(?![A-Za-z0-9_])`).test(system)
}

function answerOf(turn: ScriptTurn, index: number, prompt: LanguageModelV4Prompt): LanguageModelV4GenerateResult {
  const calls = (turn.toolCalls ?? []).map((call, at) => ({
    type: 'tool-call' as const,
    toolCallId: call.id ?? `call_${index}_${at}`,
    toolName: call.name,
    input: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {}),
  }))
  const text = typeof turn.content === 'object' ? turn.content.join('\n') : (turn.content ?? '')
  const content: LanguageModelV4Content[] = [...(text ? [{ type: 'text' as const, text }] : []), ...calls]
  const written = text.length + calls.reduce((sum, call) => sum + call.toolName.length + call.input.length, 0)
  return {
    content,
    finishReason: { unified: calls.length > 0 ? 'tool-calls' : 'stop', raw: undefined },
    usage: usageV4(
      turn.usage?.inputTokens ?? Math.ceil(promptText(prompt).length / CHARS_PER_TOKEN),
      turn.usage?.outputTokens ?? Math.ceil(written / CHARS_PER_TOKEN),
    ),
    warnings: [],
  }
}

function turnError(error: NonNullable<ScriptTurn['error']>): Error {
  const { message, status } = typeof error === 'string' ? { message: error, status: undefined } : error
  if (status === undefined) return new TroupeError('model/failed', `the script says: ${message}`)
  return new APICallError({ message, url: 'script:', requestBodyValues: {}, statusCode: status })
}
