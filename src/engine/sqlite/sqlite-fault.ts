import { messageOf, TroupeError } from '../../errors/troupe-error.ts'

/** Result codes of SQLite (https://www.sqlite.org/rescode.html), without their extension. */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const TOOBIG = 18
const NOTADB = 26

const CONSTRAINT_UNIQUE = 2067

/** What SQLite threw, as an error of the store that names the file and says whether trying again may help. */
export function storeFault(error: unknown, path: string): TroupeError {
  if (TroupeError.is(error)) return error
  const refuse = (what: string, retryable: boolean): TroupeError =>
    new TroupeError('engine/store-failed', `store ${path}: ${what}`, { retryable, cause: error })
  switch (codeOf(error) & 0xff) {
    case BUSY:
    case LOCKED:
      return refuse('another process holds it and does not let go', true)
    case FULL:
      return refuse('the disk is full', true)
    case READONLY:
      return refuse('it cannot be written; check the rights of the file and of its directory', false)
    case NOTADB:
      return refuse('the file is no SQLite database; name another file', false)
    case CORRUPT:
      return refuse(`the database is damaged (${messageOf(error)})`, false)
    case TOOBIG:
      return refuse('a value is too large for it', false)
    case CANTOPEN:
      return new TroupeError('config/missing-file', `store ${path} cannot be opened: is it a directory, or may it not be read?`, {
        cause: error,
      })
    default:
      return refuse(messageOf(error), true)
  }
}

/** Whether another connection was in the way, so that waiting helps. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error) & 0xff
  return code === BUSY || code === LOCKED
}

export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === CONSTRAINT_UNIQUE
}

function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0
}
