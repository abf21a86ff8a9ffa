import type { NewEntry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'

/** The body of an entry as JSON text, as every store keeps it. Throws `engine/store-failed`, not retryable, when it is no JSON. */
export function bodyText(run: string, { type, key, body }: NewEntry): string {
  try {
    return JSON.stringify(body)
  } catch (error) {
    throw new TroupeError('engine/store-failed', `the body of '${type} ${key}' of run ${run} is no JSON`, {
      retryable: false,
      cause: error,
    })
  }
}
