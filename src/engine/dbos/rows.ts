import type { Entry, EntryBodies, EntryType, NewEntry } from '../../client/entry.ts'
import { upcast } from '../../client/upcast.ts'
import { bodyText } from '../body-text.ts'
import type { SessionKey } from '../engine.ts'
import { parseBody } from '../parse-body.ts'

/** An entry as a row of the table; `body` is JSON text. */
export type Row = {
  readonly run: string
  readonly seq: number
  readonly key: string | null
  readonly epoch: number
  readonly at: string
  readonly type: string
  readonly body: string
  readonly version: number
}

export const ROW = 'run, seq, key, epoch, at, type, body, version'

/** Rows as the arrays in which they are sent. */
export interface RowArrays {
  readonly keys: (string | null)[]
  readonly ats: string[]
  readonly types: string[]
  readonly bodies: string[]
}

export function arraysOf(run: string, entries: readonly NewEntry[]): RowArrays {
  return {
    keys: entries.map(({ key }) => key ?? null),
    ats: entries.map(({ at }) => at),
    types: entries.map(({ type }) => type),
    bodies: entries.map((entry) => bodyText(run, entry)),
  }
}

/** What comes from the database is parsed: a body that does not is a fault of this one run. */
export function entryOf({ run, seq, key, epoch, at, type, body, version }: Row): Entry {
  const entry = { run, seq, ...(key !== null && { key }), epoch, at, type: type as EntryType }
  return { ...entry, body: upcast(entry.type, version, parseBody(body, run, seq)) as Entry['body'] }
}

/** What runs of a session are found by; null for a run of none. */
export function sessionOf({ agent, tenant, input }: EntryBodies['run-start']): string | null {
  return input.session === undefined ? null : sessionText({ id: input.session, agent, ...(tenant !== undefined && { tenant }) })
}

/** As JSON: so that no two keys are one text, and none holds a character that PostgreSQL has not. */
export function sessionText({ id, agent, tenant }: SessionKey): string {
  return JSON.stringify([id, agent, tenant ?? null])
}
