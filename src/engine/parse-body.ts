import { TroupeError } from '../errors/troupe-error.ts'

/** The body of an entry as a store keeps it. Throws `engine/log-corrupt`. */
export function parseBody(body: string, run: string, seq: number): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new TroupeError('engine/log-corrupt', `entry ${seq} of run ${run} cannot be read: its body is no JSON`, {
      details: { run, seq },
      cause: error,
    })
  }
}
