import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamPart, LanguageModelV4Usage } from '@ai-sdk/provider'
import { TroupeError } from '../errors/troupe-error.ts'
import { untilAborted } from './abort.ts'
import type { LanguageModel } from './model.ts'
import { cancelledBy, SYSTEM_CLOCK, type RetryClock } from './retry.ts'
import { estimateRequestTokens } from './usage.ts'
import { toV4 } from './v3.ts'

export interface RateLimits {
  readonly requestsPerMinute?: number
  /** Input and output together. */
  readonly tokensPerMinute?: number
  readonly clock?: RetryClock
}

const MINUTE_MS = 60_000
const DEFAULT_OUTPUT_TOKENS = 1_024

interface Spent {
  readonly at: number
  tokens: number
}

/**
 * The model, kept under its provider's limits: a call waits, in the order of asking, until it fits into the minute behind it. Tokens
 * count as estimated (prompt, and `maxOutputTokens` up to 1,024) until the answer says what it used. A call that alone is above
 * `tokensPerMinute` waits for an empty minute. One limiter per process: share the object, not the numbers. Waiting ends with the call's
 * abort signal, and the time waited counts towards `askModel`'s attempt time-out. Throws `config/invalid` for a limit that is not positive.
 */
export function rateLimited(model: LanguageModel, limits: RateLimits): LanguageModelV4 {
  const inner = toV4(model)
  const { requestsPerMinute = Infinity, tokensPerMinute = Infinity, clock = SYSTEM_CLOCK } = limits
  if (!(requestsPerMinute > 0) || !(tokensPerMinute > 0)) {
    throw new TroupeError(
      'config/invalid',
      `a rate limit must be positive: requestsPerMinute ${requestsPerMinute}, tokensPerMinute ${tokensPerMinute}`,
    )
  }
  let spent: Spent[] = []
  let queue: Promise<unknown> = Promise.resolve()

  /** How long until `tokens` fit: entries leave the window oldest first. */
  const waitFor = (tokens: number): number => {
    const now = clock.now()
    spent = spent.filter((entry) => entry.at > now - MINUTE_MS)
    let requests = spent.length
    let used = spent.reduce((sum, entry) => sum + entry.tokens, 0)
    const fits = (): boolean => requests < requestsPerMinute && (used + tokens <= tokensPerMinute || used === 0)
    if (fits()) return 0
    for (const entry of spent) {
      requests -= 1
      used -= entry.tokens
      if (fits()) return entry.at + MINUTE_MS - now
    }
    return 0
  }

  const admit = async (call: LanguageModelV4CallOptions): Promise<Spent> => {
    const tokens = estimateRequestTokens(call) + Math.min(call.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS)
    const signal = call.abortSignal
    const turn = queue.then(async () => {
      for (;;) {
        if (signal?.aborted) throw cancelledBy(signal)
        const waitMs = waitFor(tokens)
        if (waitMs === 0) break
        await clock.sleep(waitMs, signal)
      }
      const entry: Spent = { at: clock.now(), tokens }
      spent.push(entry)
      return entry
    })
    queue = turn.catch(() => {})
    return untilAborted(signal, turn)
  }

  return {
    specificationVersion: 'v4',
    provider: inner.provider,
    modelId: inner.modelId,
    get supportedUrls() {
      return inner.supportedUrls
    },
    doGenerate: async (call) => {
      const entry = await admit(call)
      const result = await inner.doGenerate(call)
      settle(entry, result.usage)
      return result
    },
    doStream: async (call) => {
      const entry = await admit(call)
      const result = await inner.doStream(call)
      const watch = new TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart>({
        transform: (part, controller) => {
          if (part.type === 'finish') settle(entry, part.usage)
          controller.enqueue(part)
        },
      })
      return { ...result, stream: result.stream.pipeThrough(watch) }
    },
  }
}

function settle(entry: Spent, { inputTokens, outputTokens }: LanguageModelV4Usage): void {
  if (inputTokens.total !== undefined && outputTokens.total !== undefined) entry.tokens = inputTokens.total + outputTokens.total
}
