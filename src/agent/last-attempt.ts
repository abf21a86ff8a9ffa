import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { NO_USAGE } from '../client/usage.ts'
import type { AgentOutcome, RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { ModelReply } from '../models/model.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import { parse } from '../schema/parse.ts'
import { encode } from '../util/codec.ts'
import type { JsonValue } from '../util/json.ts'
import { ask } from './ask.ts'
import { jsonIn } from './json-in-text.ts'
import { promptOf, userMessage } from './messages.ts'
import type { AgentSpec } from './spec.ts'
import { stepsTaken, type Transcript } from './transcript.ts'

/**
 * Ends a run that has reached a limit: asks once more, without tools, for the best answer that there is. Nothing is
 * asked of a run that was allowed no step. An answer that does not fit the output's schema is left out.
 */
export async function lastAttempt(
  agent: AgentSpec,
  system: string,
  transcript: Transcript,
  ctx: RunContext,
  step: number,
  reason: string,
): Promise<AgentOutcome> {
  const error = new TroupeError('budget/spent', reason).toJSON()
  if (stepsTaken(transcript) === 0) return { status: 'limit', error }

  await ctx.emit(String(step), 'step-start', { step })
  const schema = agent.output && JSON.stringify(jsonSchemaOf(agent.output, 'input'))
  const question = agent.prompts.lastAttempt({ reason, ...(schema !== undefined && { schema }) })
  const reply = await askOnce(agent, ctx, step, [...promptOf(agent.prompts, system, transcript), userMessage(question)])
  await ctx.emit(String(step), 'step-end', { step, usage: reply?.usage ?? NO_USAGE, error: reason })

  const output = reply && (await ctx.during(() => bestAnswer(agent, reply.text)))
  return { status: 'limit', error, ...(output !== undefined && { output }) }
}

/** The run ends with its limit even where the last question finds no model or no budget. */
async function askOnce(agent: AgentSpec, ctx: RunContext, step: number, prompt: LanguageModelV4Prompt): Promise<ModelReply | undefined> {
  try {
    return await ask(ctx, agent, { step, key: `${step}.last`, prompt })
  } catch (error) {
    if (TroupeError.is(error, 'run/ended') || TroupeError.is(error, 'engine/nested')) throw error
    return undefined
  }
}

async function bestAnswer({ output }: AgentSpec, text: string): Promise<JsonValue | undefined> {
  if (!output) return text
  const found = jsonIn(text)
  const result = found.ok ? await parse(output, found.value) : undefined
  return result?.ok ? (JSON.parse(encode(result.value)) as JsonValue) : undefined
}
