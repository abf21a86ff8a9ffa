import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { SessionKey } from '../engine.ts'
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
  epoch(run: string): number | null
  /** Raises the epoch of the run and gives it. */
  claim(run: string): number
  drop(root: string): void
  /** Changes when another connection has written (https://sqlite.org/pragma.html#pragma_data_version). */
  version(): number
}

type Columns = Record<string, SQLOutputValue>

const ROW = 'run, seq, key, epoch, at, type, body'

/** A child's id is its parent's, `-`, and more; `.` is the character after `-`. */
const IN_TREE = "(run = ?1 or (run >= ?1 || '-' and run < ?1 || '.'))"

export function prepareStatements(database: DatabaseSync): Statements {
  const insert = database.prepare(`insert into entries (${ROW}) values (?, ?, ?, ?, ?, ?, ?)`)
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
  const epoch = database.prepare('select epoch from owners where run = ?')
  const claim = database.prepare(
    'insert into owners (run, epoch) values (?, 1) on conflict (run) do update set epoch = epoch + 1 returning epoch',
  )
  const version = database.prepare('pragma data_version')
  const dropEntries = database.prepare(`delete from entries where ${IN_TREE}`)
  const dropOwners = database.prepare(`delete from owners where ${IN_TREE}`)

  return {
    insert: (row) => void insert.run(row.run, row.seq, row.key, row.epoch, row.at, row.type, row.body),
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
    epoch: (run) => {
      const columns = epoch.get(run)
      return columns ? integer(columns, 'epoch') : null
    },
    claim: (run) => integer(claim.get(run) ?? {}, 'epoch'),
    version: () => integer(version.get() ?? {}, 'data_version'),
    drop: (root) => {
      dropEntries.run(root)
      dropOwners.run(root)
    },
  }
}

function rowOf(columns: Columns): Row {
  const { key } = columns
  return {
    run: text(columns, 'run'),
    seq: integer(columns, 'seq'),
    key: typeof key === 'string' ? key : null,
    epoch: integer(columns, 'epoch'),
    at: text(columns, 'at'),
    type: text(columns, 'type'),
    body: text(columns, 'body'),
  }
}

function text(columns: Columns, name: string): string {
  const value = columns[name]
  if (typeof value === 'string') return value
  throw new TroupeError('engine/log-corrupt', `column ${name} of the store holds no text`)
}

function integer(columns: Columns, name: string): number {
  const value = columns[name]
  if (typeof value === 'number') return value
  throw new TroupeError('engine/log-corrupt', `column ${name} of the store holds no number`)
}
