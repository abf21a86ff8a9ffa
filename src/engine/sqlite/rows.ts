import { LOG_VERSION, type Entry, type EntryType, type NewEntry } from '../../client/entry.ts'
import { upcast } from '../../client/upcast.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { bodyText } from '../body-text.ts'
import type { NewRow, Row } from './operations.ts'

/** An entry as it goes to the file. */
export function newRowOf(run: string, entry: NewEntry): NewRow {
  return { key: entry.key ?? null, at: entry.at, type: entry.type, body: bodyText(run, entry), version: LOG_VERSION }
}

/** Rows come from disk: what does not parse is a fault of this one run. */
export function entryOf({ run, seq, key, epoch, at, type, body, version }: Row): Entry {
  const entry = { run, seq, ...(key !== null && { key }), epoch, at, type: type as EntryType }
  return { ...entry, body: upcast(entry.type, version, parsed(body, run, seq)) as Entry['body'] }
}

function parsed(body: string, run: string, seq: number): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new TroupeError('engine/log-corrupt', `entry ${seq} of run ${run} cannot be read: its body is no JSON`, {
      details: { run, seq },
      cause: error,
    })
  }
}
