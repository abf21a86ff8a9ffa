import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import type { ErrorCode } from '../../errors/codes.ts'
import { RAISED } from './functions.ts'

const OWN: Readonly<Record<string, ErrorCode>> = {
  [RAISED.notFound]: 'run/not-found',
  [RAISED.lost]: 'engine/lost-ownership',
  [RAISED.duplicate]: 'engine/duplicate-key',
  [RAISED.ended]: 'run/ended',
  [RAISED.busy]: 'run/busy',
}

/** Codes of PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html) that are the caller's to correct. */
const CONFIG: Readonly<Record<string, string>> = {
  '28P01': 'the password is wrong',
  '28000': 'this user may not connect',
  '3D000': 'there is no such database: create it first',
  '42501': 'this user may not make the tables: grant CREATE on the database, or make the schema and grant it',
}

/** Classes of codes after which the same thing may go well: connections, rollbacks, resources, operators, the system. */
const PASSING: ReadonlySet<string> = new Set(['08', '40', '53', '55', '57', '58'])

/** An error that a function of ours raised, by its code and its message. */
export function raised(code: string, message: string, key: string | null = null): TroupeError {
  return new TroupeError(OWN[code] ?? 'engine/store-failed', message, code === RAISED.duplicate && key ? { details: { key } } : {})
}

/** What the driver or the server threw, as an error of the store that says whether trying again may help. */
export function storeFault(error: unknown, place: string): TroupeError {
  if (TroupeError.is(error)) return error
  const code = codeOf(error)
  if (OWN[code] !== undefined) return raised(code, messageOf(error))
  const known = CONFIG[code]
  if (known !== undefined) return new TroupeError('config/invalid', `store ${place}: ${known}`, { cause: error })
  return new TroupeError('engine/store-failed', `store ${place}: ${messageOf(error)}`, { retryable: isPassing(error), cause: error })
}

/** What kept a store from opening; a server that is not there may come. */
export function openFault(error: unknown, place: string): TroupeError {
  const fault = storeFault(error, place)
  if (fault.code !== 'engine/store-failed' || !isConnection(error)) return fault
  return new TroupeError(
    'engine/store-failed',
    `store ${place}: PostgreSQL does not answer there (${messageOf(error)}); start it, or name another`,
    {
      retryable: true,
      cause: error,
    },
  )
}

/** Whether the statement may be sent again as it is: nothing of it has happened. */
export function isRolledBack(error: unknown): boolean {
  return codeOf(error).startsWith('40')
}

/** Whether the connection broke, so that nobody knows what became of the statement. */
export function isConnection(error: unknown): boolean {
  if (TroupeError.is(error)) return false
  const code = codeOf(error)
  return code === '' || code.startsWith('08') || code.startsWith('57P') || !/^[0-9A-Z]{5}$/.test(code)
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function isPassing(error: unknown): boolean {
  return isConnection(error) || PASSING.has(codeOf(error).slice(0, 2))
}
