import { TroupeError } from '../errors/troupe-error.ts'
import { LOG_VERSION, type EntryType } from './entry.ts'

/** Lifts a body of one type from a version to the next. */
export type Upcaster = (body: unknown) => unknown

/** By type, the versions that it lifts from: `{ print: { 1: (body) => … } }` once version 2 of a print differs from 1. */
export type Upcasters = { readonly [Type in EntryType]?: { readonly [version: number]: Upcaster } }

/** None yet: version 1 is the only one there has been. */
const UPCASTERS: Upcasters = {}

/**
 * The body of an entry that was written in an earlier format, as the present one. Stores call it on every read, so that
 * nothing above them knows an old format. Throws `engine/log-corrupt` for one that is newer than this program.
 */
export function upcast(
  type: EntryType,
  version: number,
  body: unknown,
  { upcasters = UPCASTERS, present = LOG_VERSION }: { readonly upcasters?: Upcasters; readonly present?: number } = {},
): unknown {
  if (version > present) {
    throw new TroupeError(
      'engine/log-corrupt',
      `a '${type}' entry has format ${version}, this program reads up to ${present}: use a newer Troupe`,
    )
  }
  const lifts = upcasters[type]
  let lifted = body
  for (let from = version; lifts && from < present; from++) lifted = lifts[from]?.(lifted) ?? lifted
  return lifted
}
