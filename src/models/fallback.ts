import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4FinishReason, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { TroupeError } from '../errors/troupe-error.ts'
import { BrokenStream } from './answer.ts'
import type { LanguageModel } from './model.ts'
import { withRetry, type RetryClock, type RetryPolicy, SYSTEM_CLOCK } from './retry.ts'
import { toV4 } from './v3.ts'

export interface FallbackOptions {
  /** Retries of each model before the next one is asked. Default: one retry, 5 s in all. */
  readonly retry?: Partial<RetryPolicy>
  /** How long a model that proved unavailable is passed over while another one is left. Default 30,000 ms. */
  readonly coolDownMs?: number
  readonly clock?: RetryClock
}

const FALLBACK_RETRY: Partial<RetryPolicy> = { maxRetries: 1, totalMs: 5_000 }

/**
 * One model made of several: asks the first, and the next when one is unavailable after its own retries. A refusal (400, 401, …) is the
 * request's fault or the configuration's and ends the call. A stream that breaks after its first content cannot be taken
 * over in the middle: the call fails, the model cools down, and whoever asks again (`askModel` does) reaches the next one.
 *
 * The answer's model id says which one answered. Throws the last model's `model/unavailable` when all are, with the others' messages.
 */
export function fallbackModel(models: readonly [LanguageModel, ...LanguageModel[]], options: FallbackOptions = {}): LanguageModelV4 {
  const all = models.map(toV4)
  const clock = options.clock ?? SYSTEM_CLOCK
  const coolDownMs = options.coolDownMs ?? 30_000
  const coolUntil = new Map<LanguageModelV4, number>()
  const coolDown = (model: LanguageModelV4): void => void coolUntil.set(model, clock.now() + coolDownMs)

  const firstOf = async <T>(call: LanguageModelV4CallOptions, ask: (model: LanguageModelV4) => Promise<T>): Promise<T> => {
    const isWarm = (model: LanguageModelV4): boolean => (coolUntil.get(model) ?? 0) <= clock.now()
    const order = [...all.filter(isWarm), ...all.filter((model) => !isWarm(model))]
    const messages: string[] = []
    for (const model of order) {
      try {
        return await withRetry(() => ask(model), {
          model: model.modelId,
          policy: { ...FALLBACK_RETRY, ...options.retry },
          clock,
          ...(call.abortSignal && { signal: call.abortSignal }),
        })
      } catch (error) {
        if (!TroupeError.is(error) || !(error.code === 'model/unavailable' || error.code === 'model/bad-answer')) throw error
        coolDown(model)
        messages.push(error.message)
        if (messages.length === order.length) {
          throw new TroupeError('model/unavailable', `no model is available: ${messages.join('; ')}`, {
            cause: error,
            details: error.details,
          })
        }
      }
    }
    throw new TroupeError('internal/unreachable', 'a fallback without models')
  }

  return {
    specificationVersion: 'v4',
    provider: 'troupe.fallback',
    modelId: all.map((model) => model.modelId).join('|'),
    supportedUrls: {}, // only what every model can fetch could stand here; callers send bytes instead
    doGenerate: (call) =>
      firstOf(call, async (model) => {
        const result = await model.doGenerate(call)
        endedWell(result)
        return { ...result, response: { ...result.response, modelId: result.response?.modelId ?? model.modelId } }
      }),
    doStream: (call) =>
      firstOf(call, async (model) => {
        const result = await model.doStream(call)
        return { ...result, stream: await begun(result.stream, model, () => coolDown(model)) }
      }),
  }
}

function endedWell({ finishReason }: { readonly finishReason: LanguageModelV4FinishReason }): void {
  if (finishReason.unified === 'error')
    throw new BrokenStream(`the provider ended the answer with an error (${finishReason.raw ?? 'no reason'})`, 0)
}

const BEFORE_CONTENT: ReadonlySet<LanguageModelV4StreamPart['type']> = new Set([
  'stream-start',
  'response-metadata',
  'ping',
  'raw',
  'text-start',
  'reasoning-start',
])

/** The stream from its first content on: what breaks it before that is thrown here, so that another model can still be asked. */
async function begun(
  stream: ReadableStream<LanguageModelV4StreamPart>,
  model: LanguageModelV4,
  onBroken: () => void,
): Promise<ReadableStream<LanguageModelV4StreamPart>> {
  const reader = stream.getReader()
  const early: LanguageModelV4StreamPart[] = [{ type: 'response-metadata', modelId: model.modelId }]
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new BrokenStream('the stream ended before it had begun', 0)
      if (value.type === 'error') throw new BrokenStream('the provider answered with an error', 0, value.error)
      if (value.type === 'finish') endedWell(value)
      early.push(value)
      if (!BEFORE_CONTENT.has(value.type)) break
    }
  } catch (error) {
    throw error instanceof BrokenStream ? error : new BrokenStream('the stream broke before it had begun', 0, error)
  }
  let finished = false
  return new ReadableStream({
    pull: async (controller) => {
      const waiting = early.shift()
      if (waiting) {
        finished ||= waiting.type === 'finish'
        controller.enqueue(waiting)
        return
      }
      try {
        const { done, value } = await reader.read()
        if (done) {
          if (!finished) onBroken()
          controller.close()
          return
        }
        if (value.type === 'error') onBroken()
        finished ||= value.type === 'finish'
        controller.enqueue(value)
      } catch (error) {
        onBroken()
        controller.error(error)
      }
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
