import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { usageIn } from '../client/fold.ts'
import type { RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { askModel } from '../models/ask.ts'
import type { CallMark, LanguageModel, ModelDelta, ModelReply, ModelRequest } from '../models/model.ts'
import { priceOf, type PriceTable } from '../models/price.ts'
import { estimateRequestTokens } from '../models/usage.ts'
import type { Hooks } from './hooks.ts'

/** Who asks. */
export interface Asker {
  readonly name: string
  readonly model: LanguageModel | undefined
  readonly maxOutputTokens: number | undefined
  readonly prices: PriceTable
  readonly hooks: Hooks
}

/** What a step that asks a model tells those who look through a log: who asks, and what its model gets to see. */
export interface AskedModel {
  readonly mark: CallMark
  /** Asks the agent's `beforeModel` hook, if it has one. */
  prompt(): Promise<LanguageModelV4Prompt>
}

export function isAskedModel(asked: unknown): asked is AskedModel {
  return typeof asked === 'object' && asked !== null && 'mark' in asked && 'prompt' in asked && typeof asked.prompt === 'function'
}

export interface Question extends ModelRequest {
  readonly step: number
  readonly key: string
}

/** What a call may write when nothing else is said; reserved in the budget before it is made. */
const DEFAULT_MAX_OUTPUT_TOKENS = 8_192

/**
 * Asks the agent's model as one logged effect: once answered, it is never asked again. Room in the budget is reserved
 * before and settled after; what streams in goes to listeners. Throws `budget/spent` when there is no room.
 */
export async function ask(ctx: RunContext, asker: Asker, { step, key, ...question }: Question): Promise<ModelReply> {
  const { name, hooks } = asker
  const model = asker.model
  if (!model)
    throw new TroupeError('config/invalid', `agent ${name} has no model: give it one, or a default in the configuration or with --model`)
  const call = { agent: name, step, prompt: question.prompt }
  const asked: AskedModel = {
    mark: { agent: name, run: pathOf(ctx.runId), step: key },
    prompt: async () => (await hooks.beforeModel?.(call)) ?? question.prompt,
  }
  const reply = await ctx.step(
    key,
    async ({ signal, isWatched, live }) => {
      const request = {
        ...question,
        prompt: await asked.prompt(),
        providerOptions: { ...question.providerOptions, troupe: { ...asked.mark } },
      }
      const wanted = question.maxOutputTokens ?? asker.maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS
      const inputTokens = ctx.budget.isLimited ? estimateRequestTokens(request) : 0
      const reservation = await ctx.budget.reserve(
        { inputTokens, maxOutputTokens: wanted, price: priceFor(model, asker.prices), model: model.modelId },
        signal,
      )
      const limited = reservation.maxOutputTokens < wanted || (question.maxOutputTokens ?? asker.maxOutputTokens) !== undefined
      try {
        const answer = await askModel(
          model,
          { ...request, ...(limited && { maxOutputTokens: reservation.maxOutputTokens }) },
          {
            signal,
            prices: asker.prices,
            ...(isWatched && { onDelta: ({ attempt, text }: ModelDelta) => live({ type: 'model-delta', step, attempt, text }) }),
          },
        )
        await reservation.settle(answer.usage)
        const text = await hooks.afterModel?.(call, answer)
        return typeof text === 'string' ? withText(answer, text) : answer
      } catch (error) {
        // Attempts that broke off were billed: they count as spent.
        const spent = TroupeError.is(error) ? usageIn(error.toJSON()) : undefined
        if (spent) await reservation.settle(spent)
        throw error
      } finally {
        reservation.release()
      }
    },
    { type: 'model-end', fields: { step }, asked },
  )
  if (ctx.budget.isLimited) await ctx.emit(key, 'budget', ctx.budget.state())
  return reply
}

/** The price to reserve by. Of models that stand in for each other (`a|b`) it is the dearest, and known only if all are. */
function priceFor(model: LanguageModel, prices: PriceTable): { input: number; output: number } | null {
  const known = model.modelId.split('|').map((id) => priceOf(id, prices))
  if (known.some((price) => price === undefined)) return null
  return {
    input: Math.max(...known.map((price) => price?.input ?? 0)),
    output: Math.max(...known.map((price) => price?.output ?? 0)),
  }
}

/** The answer with another text, in its parts too: they are what the model is shown again. */
function withText(reply: ModelReply, text: string): ModelReply {
  if (!reply.content) return { ...reply, text }
  const first = reply.content.findIndex((part) => part.type === 'text')
  const at = first < 0 ? reply.content.length : first
  const content = [...reply.content.slice(0, at), { type: 'text' as const, text }, ...reply.content.slice(at)]
  return { ...reply, text, content: content.filter((part, i) => part.type !== 'text' || i === at) }
}

/** A run's place in its tree, without the root's random id: the same whenever the same run is made again. */
function pathOf(runId: string): string {
  return runId.split('-').slice(1).join('-')
}
