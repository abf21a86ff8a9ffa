import { cancelledBy } from './retry.ts'

/** Settles with `work`, or rejects as soon as `signal` aborts even where the model ignores the signal; then `work` is left to end unheard. */
export async function untilAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(reasonOf(signal))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([promise, work])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** A time-out is for the retries to judge; anything else is a cancellation. */
function reasonOf(signal: AbortSignal): unknown {
  return signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError' ? signal.reason : cancelledBy(signal)
}
