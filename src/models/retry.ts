import { TroupeError } from '../errors/troupe-error.ts'
import { classifyFault, type ModelFault } from './classify.ts'

/** How often and how long a model call is tried again. */
export interface RetryPolicy {
  /** Attempts after the first. Default 3. */
  readonly maxRetries: number
  /** No attempt starts later than this after the first failure. Default 30,000 ms. */
  readonly totalMs: number
  /** The first wait is chosen between 0 and this; the range doubles with each retry. Default 500 ms. */
  readonly baseMs: number
}

export const DEFAULT_RETRY: RetryPolicy = { maxRetries: 3, totalMs: 30_000, baseMs: 500 }

/** Time and chance, given in so that tests neither wait nor guess. */
export interface RetryClock {
  now(): number
  /** Resolves after `ms`, or rejects at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** From 0 to below 1. */
  random(): number
}

export const SYSTEM_CLOCK: RetryClock = { now: () => Date.now(), sleep, random: () => Math.random() }

export interface RetryOptions {
  /** Named in messages and details. */
  readonly model: string
  readonly policy?: Partial<RetryPolicy>
  readonly signal?: AbortSignal
  readonly clock?: RetryClock
  /** Told of each failed attempt, retried or not. */
  readonly onFault?: (error: unknown, fault: ModelFault, attempt: number) => void
}

/**
 * Calls `attempt` until it answers, with exponential backoff and full jitter between the tries, honouring Retry-After.
 * Only transient faults are tried again (408, 409, 425, 429, 5xx, connections, time-outs, broken streams).
 *
 * Throws `model/unavailable` or `model/bad-answer` when the retries or their time are spent, or when the provider asks for a longer
 * wait than is left; `model/failed` at once for anything else, each with `details` `{ model, attempts, status? }`. A
 * `TroupeError` of `attempt` passes unchanged and is not retried. An abort ends the wait at once with `cancelledBy`.
 */
export async function withRetry<T>(attempt: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const policy = { ...DEFAULT_RETRY, ...options.policy }
  const clock = options.clock ?? SYSTEM_CLOCK
  const { signal } = options
  let deadline: number | undefined

  for (let n = 1; ; n++) {
    if (signal?.aborted) throw cancelledBy(signal)
    try {
      return await attempt(n)
    } catch (error) {
      if (signal?.aborted) throw cancelledBy(signal)
      if (TroupeError.is(error)) throw error
      const now = clock.now()
      const fault = classifyFault(error, now)
      options.onFault?.(error, fault, n)
      deadline ??= now + policy.totalMs
      const end = (why: string): TroupeError => failure(options.model, fault, n, why, error)

      if (!fault.transient) throw end('')
      if (n > policy.maxRetries) throw end(policy.maxRetries === 0 ? '' : `; gave up after ${n} attempts`)
      const left = deadline - now
      if (fault.retryAfterMs !== undefined && fault.retryAfterMs > left) {
        throw end(`; it asks to wait ${seconds(fault.retryAfterMs)}, and ${seconds(left)} are left for retries: try again later`)
      }
      if (left <= 0) throw end(`; gave up after ${n} attempts, the ${seconds(policy.totalMs)} for retries are over`)
      try {
        await clock.sleep(fault.retryAfterMs ?? Math.min(left, clock.random() * policy.baseMs * 2 ** (n - 1)), signal)
      } catch (stopped) {
        throw signal?.aborted ? cancelledBy(signal) : stopped
      }
    }
  }
}

/** What an aborted call throws: the signal's reason where that is a `TroupeError`, else `run/cancelled`. */
export function cancelledBy(signal: AbortSignal): TroupeError {
  if (TroupeError.is(signal.reason)) return signal.reason
  return new TroupeError('run/cancelled', 'the model call was cancelled', { cause: signal.reason })
}

function failure(model: string, fault: ModelFault, attempts: number, why: string, cause: unknown): TroupeError {
  return new TroupeError(fault.code, `model ${model}: ${fault.message}${why}`, {
    cause,
    retryable: fault.transient,
    details: {
      model,
      attempts,
      ...(fault.status !== undefined && { status: fault.status }),
      ...(fault.retryAfterMs !== undefined && { retryAfterMs: fault.retryAfterMs }),
    },
  })
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 100) / 10)} s`
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal?.aborted) {
    reject(signal.reason)
    return promise
  }
  const stop = (): void => {
    clearTimeout(timer)
    reject(signal?.reason)
  }
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', stop)
    resolve()
  }, ms)
  signal?.addEventListener('abort', stop, { once: true })
  return promise
}
