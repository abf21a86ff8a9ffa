import type { DatabaseSync } from 'node:sqlite'
import type { SessionKey } from '../engine.ts'
import { integer, text, textOrNull, type Columns } from './columns.ts'
import type { Row } from './operations.ts'

/** The SQL of the store, prepared once for one open file. */
export interface Statements {
  insert(row: Row): void
  /** The newest row without its body, which may be large. */
  last(run: string): Pick<Row, 'seq' | 'type'> | undefined
  lastRow(run: string): Row | undefined
  read(run: string, after: number): readonly Row[]
  readTree(root: string): readonly Row[]
  /** First rows of runs, newest run first; a limit of -1 is none. */
  starts(rootsOnly: boolean, limit: number): readonly Row[]
  /** First rows of the runs of a session, newest run first. */
  startsOfSession(session: SessionKey, limit: number): readonly Row[]
  steps(run: string): number
  owner(run: string): { readonly epoch: number; readonly owner: string | null } | null
  /** Raises the epoch of the run and gives it. */
  claim(run: string, owner: string): number
  release(run: string, epoch: number): void
  /** Rows of all runs after an ordinal, in its order. */
  feed(after: number, limit: number): { readonly cursor: number; readonly rows: readonly Row[] }
  drop(root: string): void
  /** Changes when another connection has written (https://sqlite.org/pragma.html#pragma_data_version). */
  version(): number
}

const ROW = 'run, seq, key, epoch, at, type, body, version'

/** A child's id is its parent's, `-`, and more; `.` is the character after `-`. */
const IN_TREE = "(run = ?1 or (run >= ?1 || '-' and run < ?1 || '.'))"

export function prepareStatements(database: DatabaseSync): Statements {
  const insert = database.prepare(`insert into entries (${ROW}) values (?, ?, ?, ?, ?, ?, ?, ?)`)
  const last = database.prepare('select seq, type from entries where run = ? order by seq desc limit 1')
  const lastRow = database.prepare(`select ${ROW} from entries where run = ? order by seq desc limit 1`)
  const read = database.prepare(`select ${ROW} from entries where run = ? and seq > ? order by seq`)
  const readTree = database.prepare(`select ${ROW} from entries where ${IN_TREE} order by ordinal`)
  const starts = database.prepare(
    `select ${ROW} from entries where seq = 1 and (?1 = 0 or instr(run, '-') = 0) order by ordinal desc limit ?2`,
  )
  // A damaged body is no session's: json_valid keeps it from failing the whole list.
  const startsOfSession = database.prepare(
    `select ${ROW} from entries where seq = 1 and instr(run, '-') = 0 and json_valid(body)
       and body ->> '$.input.session' = ?1 and body ->> '$.agent' = ?2 and (body ->> '$.tenant') is ?3
     order by ordinal desc limit ?4`,
  )
  const steps = database.prepare("select count(*) as steps from entries where run = ? and type = 'step-start' and key is not null")
  const owner = database.prepare('select epoch, owner from owners where run = ?')
  const claim = database.prepare(
    `insert into owners (run, epoch, owner) values (?1, 1, ?2)
       on conflict (run) do update set epoch = epoch + 1, owner = ?2 returning epoch`,
  )
  const release = database.prepare('update owners set owner = null where run = ? and epoch = ?')
  const feed = database.prepare(`select ordinal, ${ROW} from entries where ordinal > ? order by ordinal limit ?`)
  const version = database.prepare('pragma data_version')
  const dropEntries = database.prepare(`delete from entries where ${IN_TREE}`)
  const dropOwners = database.prepare(`delete from owners where ${IN_TREE}`)

  return {
    insert: (row) => void insert.run(row.run, row.seq, row.key, row.epoch, row.at, row.type, row.body, row.version),
    last: (run) => {
      const columns = last.get(run)
      return columns && { seq: integer(columns, 'seq'), type: text(columns, 'type') }
    },
    lastRow: (run) => {
      const columns = lastRow.get(run)
      return columns && rowOf(columns)
    },
    read: (run, after) => read.all(run, after).map(rowOf),
    readTree: (root) => readTree.all(root).map(rowOf),
    starts: (rootsOnly, limit) => starts.all(rootsOnly ? 1 : 0, limit).map(rowOf),
    startsOfSession: ({ id, agent, tenant }, limit) => startsOfSession.all(id, agent, tenant ?? null, limit).map(rowOf),
    steps: (run) => integer(steps.get(run) ?? {}, 'steps'),
    owner: (run) => {
      const columns = owner.get(run)
      return columns ? { epoch: integer(columns, 'epoch'), owner: textOrNull(columns, 'owner') } : null
    },
    claim: (run, by) => integer(claim.get(run, by) ?? {}, 'epoch'),
    release: (run, epoch) => void release.run(run, epoch),
    feed: (after, limit) => {
      const rows = feed.all(after, limit)
      const last = rows.at(-1)
      return { cursor: last ? integer(last, 'ordinal') : after, rows: rows.map(rowOf) }
    },
    version: () => integer(version.get() ?? {}, 'data_version'),
    drop: (root) => {
      dropEntries.run(root)
      dropOwners.run(root)
    },
  }
}

function rowOf(columns: Columns): Row {
  return {
    run: text(columns, 'run'),
    seq: integer(columns, 'seq'),
    key: textOrNull(columns, 'key'),
    epoch: integer(columns, 'epoch'),
    at: text(columns, 'at'),
    type: text(columns, 'type'),
    body: text(columns, 'body'),
    version: integer(columns, 'version'),
  }
}
