import { LOG_VERSION, type Entry, type EntryType, type NewEntry } from '../../client/entry.ts'
import { upcast } from '../../client/upcast.ts'
import { bodyText } from '../body-text.ts'
import type { NewRow, Row } from './operations.ts'
import { parseBody } from '../parse-body.ts'

/** An entry as it goes to the file. */
export function newRowOf(run: string, entry: NewEntry): NewRow {
  return { key: entry.key ?? null, at: entry.at, type: entry.type, body: bodyText(run, entry), version: LOG_VERSION }
}

/** Rows come from disk: what does not parse is a fault of this one run. */
export function entryOf({ run, seq, key, epoch, at, type, body, version }: Row): Entry {
  const entry = { run, seq, ...(key !== null && { key }), epoch, at, type: type as EntryType }
  return { ...entry, body: upcast(entry.type, version, parseBody(body, run, seq)) as Entry['body'] }
}
