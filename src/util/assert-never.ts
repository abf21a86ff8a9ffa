import { TroupeError } from '../errors/troupe-error.ts'

/** Ends an exhaustive switch: reached only when data of a newer or foreign format came in. Throws `internal/unreachable`. */
export function assertNever(value: never): never {
  throw new TroupeError(
    'internal/unreachable',
    `unexpected value ${JSON.stringify(value)}: a case is missing or the data is of a newer format`,
  )
}
