import type { LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { addUsage, NO_USAGE, type Usage } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { untilAborted } from './abort.ts'
import { BrokenStream, generateAnswer, streamAnswer, type Answer } from './answer.ts'
import type { LanguageModel, ModelDelta, ModelReply, ModelRequest } from './model.ts'
import { costOf, priceOf, type PriceTable } from './price.ts'
import { replyFields, replyParts } from './reply.ts'
import { withRetry, type RetryClock, type RetryPolicy } from './retry.ts'
import { brokenUsage, countUsage } from './usage.ts'
import { toV4 } from './v3.ts'

/** An attempt without a complete answer after this long is given up and tried again. */
const ATTEMPT_TIMEOUT_MS = 600_000

export interface AskOptions {
  readonly signal?: AbortSignal
  /** Called with text as it streams in. May not throw. */
  readonly onDelta?: (delta: ModelDelta) => void
  /** Whether to stream. Default: when there is an `onDelta`. */
  readonly stream?: boolean
  readonly retry?: Partial<RetryPolicy>
  /** For one attempt, default 600,000 ms. */
  readonly attemptTimeoutMs?: number
  /** Prices of your own, before the known ones. */
  readonly prices?: PriceTable
  /** Time and chance for tests. */
  readonly clock?: RetryClock
}

/**
 * One call to a model, retried as `withRetry` says, its answer as plain JSON data for the log. A stream that ends
 * without a finish, an answer that the provider ends with an error and a body that is no answer count as failed
 * attempts, never as short answers. An empty answer is an answer. `usage` holds what broken attempts have cost as well (estimated).
 *
 * Throws `model/unavailable`, `model/bad-answer` (both retryable), `model/failed`, `config/missing-key`, what the model
 * itself throws as a `TroupeError`, and on abort the signal's reason if that is a `TroupeError`, else `run/cancelled`.
 */
export async function askModel(model: LanguageModel, request: ModelRequest, options: AskOptions = {}): Promise<ModelReply> {
  const v4 = toV4(model)
  const { signal, onDelta, clock } = options
  const streaming = options.stream ?? onDelta !== undefined
  let wasted: Usage = NO_USAGE
  let attempts = 0

  const attempt = async (n: number): Promise<Answer> => {
    attempts = n
    const time = new AbortController()
    const timeoutMs = options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS
    const timer = setTimeout(() => time.abort(new DOMException(`no complete answer in ${timeoutMs} ms`, 'TimeoutError')), timeoutMs)
    const abortSignal = time.signal
    // By hand: a signal made of two costs more than all the rest of an attempt.
    const pass = (): void => time.abort(signal?.reason)
    signal?.addEventListener('abort', pass, { once: true })
    if (signal?.aborted) pass()
    const call = callOptions(request, abortSignal)
    try {
      const answer = await untilAborted(
        abortSignal,
        streaming
          ? streamAnswer(v4, call, (text) => {
              if (!abortSignal.aborted && text !== '') onDelta?.({ attempt: n, text })
            })
          : generateAnswer(v4, call),
      )
      const reason = answer.finishReason
      if (reason.unified === 'error' || reason.unified === 'interrupted') {
        throw new BrokenStream(`the provider ended the answer early (${reason.raw ?? reason.unified})`, charsOf(answer))
      }
      return answer
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', pass)
    }
  }

  try {
    const answer = await withRetry(attempt, {
      model: v4.modelId,
      ...(options.retry && { policy: options.retry }),
      ...(signal && { signal }),
      ...(clock && { clock }),
      onFault: (error) => {
        if (error instanceof BrokenStream) wasted = addUsage(wasted, brokenUsage(request, error.received))
      },
    })
    return replyOf(answer, { request, attempts, wasted, modelId: answer.modelId ?? v4.modelId, asked: v4.modelId, prices: options.prices })
  } catch (error) {
    if (wasted === NO_USAGE || !TroupeError.is(error)) throw error
    const costUsd = costOf(v4.modelId, wasted, options.prices)
    const usage = { inputTokens: wasted.inputTokens, outputTokens: wasted.outputTokens, ...(costUsd !== undefined && { costUsd }) }
    throw new TroupeError(error.code, error.message, {
      cause: error.cause,
      retryable: error.retryable,
      details: { ...error.details, usage },
    })
  }
}

function callOptions({ stopSequences, tools, headers, ...request }: ModelRequest, abortSignal: AbortSignal): LanguageModelV4CallOptions {
  return {
    ...request,
    ...(stopSequences && stopSequences.length > 0 && { stopSequences: [...stopSequences] }),
    ...(tools && tools.length > 0 && { tools: [...tools] }),
    ...(headers && { headers: { ...headers } }),
    abortSignal,
  }
}

interface ReplyFacts {
  readonly request: ModelRequest
  readonly attempts: number
  readonly wasted: Usage
  readonly modelId: string
  readonly asked: string
  readonly prices: PriceTable | undefined
}

function replyOf(answer: Answer, { request, attempts, wasted, modelId, asked, prices }: ReplyFacts): ModelReply {
  const counted = countUsage(answer, request)
  const usage = addUsage(counted.usage, wasted)
  const priced = priceOf(modelId, prices) ? modelId : asked // a deployment may report a name that no price list knows
  const costUsd = costOf(priced, usage, prices, counted.cacheWriteTokens)
  return {
    ...replyFields(replyParts(answer.content)),
    finishReason: answer.finishReason.unified,
    usage: { ...usage, ...(costUsd !== undefined && { costUsd }) },
    ...((counted.estimated || wasted !== NO_USAGE) && { estimated: true }),
    modelId,
    attempts,
  }
}

function charsOf(answer: Answer): number {
  return answer.content.reduce((sum, part) => sum + (part.type === 'text' || part.type === 'reasoning' ? part.text.length : 0), 0)
}
