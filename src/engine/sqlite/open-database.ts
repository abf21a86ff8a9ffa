import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { isBusy, storeFault } from './sqlite-fault.ts'

/** How long SQLite itself waits for another process, and how often that is tried. */
const BUSY_TIMEOUT_MS = 5_000
const BUSY_ATTEMPTS = 3

/**
 * What each format adds to the one before. `owners` says who may write to a run, `queue` whose turn it is, `ledger` and
 * `holds` what several processes spend of one budget: that is not history, so it is no entry. A gone item stays until
 * the consumer has seen that it left.
 */
const MIGRATIONS: readonly string[] = [
  `
  create table entries (
    ordinal integer primary key,
    run text not null,
    seq integer not null,
    key text,
    epoch integer not null,
    at text not null,
    type text not null,
    body text not null,
    unique (run, seq)
  ) strict;
  create unique index entries_key on entries (run, type, key) where key is not null;
  create index entries_start on entries (ordinal) where seq = 1;
  create table owners (run text primary key, epoch integer not null) strict, without rowid;
  `,
  `
  alter table owners add column owner text;
  alter table entries add column version integer not null default 1;
  create table counters (name text primary key, value integer not null) strict, without rowid;
  insert into counters values ('revision', 0), ('ordinal', 0), ('hold', 0);
  create table queue (
    run text primary key,
    ordinal integer not null,
    agent text not null,
    tenant text not null,
    model text not null,
    priority integer not null,
    status text not null,
    not_before integer,
    expires_at integer,
    dedup_key text,
    attempts integer not null,
    max_attempts integer not null,
    is_child integer not null,
    last_error text,
    revision integer not null
  ) strict, without rowid;
  create unique index queue_revision on queue (revision);
  create index queue_status on queue (status, tenant);
  create table queue_keys (tenant text, key text, run text not null, primary key (tenant, key)) strict, without rowid;
  create index queue_keys_run on queue_keys (run);
  create table ledger (
    scope text primary key, tokens integer not null, cost_usd real not null, tool_calls integer not null
  ) strict, without rowid;
  create table holds (
    id integer not null,
    scope text not null,
    holder text not null,
    tokens integer not null,
    cost_usd real not null,
    tool_calls integer not null,
    primary key (id, scope)
  ) strict, without rowid;
  create index holds_scope on holds (scope);
  create index holds_holder on holds (holder);
  `,
]

/** The format of the tables, kept in `pragma user_version`. */
const FORMAT = MIGRATIONS.length

/**
 * Opens the file, and makes it and its directory when they are not there. Throws `config/missing-file` when there can
 * be no such file, `engine/store-failed` when it is no store of this format.
 */
export function openDatabase(path: string): DatabaseSync {
  makeDirectoryOf(path)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    const opened = database
    retryBusy(() => opened.exec('pragma journal_mode = wal; pragma synchronous = full'))
    inTransaction(opened, () => makeTables(opened, path))
    return opened
  } catch (error) {
    database?.close()
    throw storeFault(error, path)
  }
}

/** Runs `work` in one transaction that may write; what it throws undoes everything. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  // Immediate: a transaction that reads first and then wants to write could be refused for good by another writer.
  retryBusy(() => database.exec('begin immediate'))
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}

function retryBusy(work: () => void): void {
  for (let attempt = 1; ; attempt++) {
    try {
      work()
      return
    } catch (error) {
      if (!isBusy(error) || attempt === BUSY_ATTEMPTS) throw error
    }
  }
}

function makeDirectoryOf(path: string): void {
  try {
    makeDirectory(dirname(path))
  } catch (error) {
    throw new TroupeError('config/missing-file', `the directory of store ${path} cannot be made: ${messageOf(error)}`, { cause: error })
  }
}

/** By hand: `mkdirSync` with `recursive` never returns where the parent takes no directories and says ENOENT (`/proc`). */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return
  makeDirectory(dirname(directory))
  try {
    mkdirSync(directory)
  } catch (error) {
    if (!existsSync(directory)) throw error // Else another process was first.
  }
}

function makeTables(database: DatabaseSync, path: string): void {
  const format = Number(database.prepare('pragma user_version').get()?.['user_version'])
  if (format === FORMAT) return
  if (format > FORMAT) {
    throw new TroupeError(
      'engine/store-failed',
      `store ${path} has format ${format}, this version of Troupe reads ${FORMAT}: use a newer Troupe`,
      { retryable: false },
    )
  }
  if (format === 0 && database.prepare('select 1 from sqlite_schema').get()) {
    throw new TroupeError('engine/store-failed', `${path} is a database of something else than Troupe: name another file`, {
      retryable: false,
    })
  }
  for (const migration of MIGRATIONS.slice(format)) database.exec(migration)
  database.exec(`pragma user_version = ${FORMAT}`)
}
