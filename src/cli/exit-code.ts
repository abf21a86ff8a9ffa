import type { RunSummary } from '../client/event.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { assertNever } from '../util/assert-never.ts'

/** What the shell is told. */
export const EXIT = { done: 0, failed: 1, usage: 2, limit: 3, waiting: 4, hangup: 129, cancelled: 130, stopped: 143 } as const

/** The exit code for how a run stands. A run that failed because it could never have begun counts as wrong usage. */
export function exitCodeOf({ status, error }: Pick<RunSummary, 'status' | 'error'>): number {
  switch (status) {
    case 'done':
      return EXIT.done
    case 'failed':
      return error ? exitCodeOfError(TroupeError.from(error)) : EXIT.failed
    case 'limit':
      return EXIT.limit
    case 'waiting':
      return EXIT.waiting
    case 'cancelled':
      return EXIT.cancelled
    default:
      return assertNever(status)
  }
}

/** 2 for what the caller has to correct first: flags, configuration, keys, passwords, names, a sandbox this machine has not; else 1. */
export function exitCodeOfError(error: unknown): number {
  if (!TroupeError.is(error)) return EXIT.failed
  return error.code.startsWith('config/') || USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed
}

const USAGE_CODES: ReadonlySet<string> = new Set([
  'model/unknown',
  'sandbox/unavailable',
  'run/not-found',
  'queue/taken',
  'amqp/refused',
  'tool/name-clash',
  'tool/bad-name',
])
