import type { DatabaseSync } from 'node:sqlite'
import type { QueueItem, QueueStatus } from '../queue.ts'
import type { AfterTurn } from '../queue-rows.ts'
import type { QueueRow } from '../ready-queue.ts'
import { integer, integerOrNull, text, textOrNull, type Columns } from './columns.ts'

/** The SQL of the queue, prepared once for one open file. */
export interface QueueStatements {
  next(counter: 'revision' | 'ordinal' | 'hold'): number
  insert(item: QueueItem, ordinal: number, revision: number): void
  get(run: string): QueueRow | null
  changed(after: number): readonly QueueRow[]
  set(
    run: string,
    revision: number,
    to: AfterTurn | { status: 'running' | 'gone'; notBefore: null; attempts: number; lastError: string | null },
  ): void
  requeueRunning(): readonly string[]
  /** Removes gone items up to a revision. */
  clear(upTo: number): void
  count(status: QueueStatus, tenant?: string): number
  runOfKey(tenant: string, key: string): string | null
  keep(tenant: string, key: string, run: string): void
  drop(root: string): void
}

const COLUMNS =
  'run, ordinal, agent, tenant, model, priority, status, not_before, expires_at, dedup_key, attempts, max_attempts, is_child, last_error, revision'
const IN_TREE = "(run = ?1 or (run >= ?1 || '-' and run < ?1 || '.'))"

export function prepareQueueStatements(database: DatabaseSync): QueueStatements {
  const next = database.prepare('update counters set value = value + 1 where name = ? returning value')
  const insert = database.prepare(`insert into queue (${COLUMNS}) values (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, 0, ?, ?, null, ?)`)
  const get = database.prepare(`select ${COLUMNS} from queue where run = ?`)
  const changed = database.prepare(`select ${COLUMNS} from queue where revision > ? order by revision`)
  const set = database.prepare(
    'update queue set status = ?3, not_before = ?4, attempts = ?5, last_error = ?6, revision = ?2 where run = ?1',
  )
  const running = database.prepare("select run from queue where status = 'running' order by ordinal")
  const clear = database.prepare("delete from queue where status = 'gone' and revision <= ?")
  const count = database.prepare('select count(*) as count from queue where status = ?')
  const countOfTenant = database.prepare('select count(*) as count from queue where status = ? and tenant = ?')
  const runOfKey = database.prepare('select run from queue_keys where tenant = ? and key = ?')
  const keep = database.prepare('insert into queue_keys (tenant, key, run) values (?, ?, ?)')
  const dropItems = database.prepare(`delete from queue where ${IN_TREE}`)
  const dropKeys = database.prepare(`delete from queue_keys where ${IN_TREE}`)

  return {
    next: (counter) => integer(next.get(counter) ?? {}, 'value'),
    insert: ({ run, agent, tenant, model, priority, notBefore, expiresAt, dedupKey, maxAttempts, isChild }, ordinal, revision) =>
      void insert.run(run, ordinal, agent, tenant, model, priority, notBefore, expiresAt, dedupKey, maxAttempts, isChild ? 1 : 0, revision),
    get: (run) => {
      const columns = get.get(run)
      return columns ? queueRowOf(columns) : null
    },
    changed: (after) => changed.all(after).map(queueRowOf),
    set: (run, revision, to) => void set.run(run, revision, to.status, to.notBefore, to.attempts, to.lastError),
    requeueRunning: () => running.all().map((columns) => text(columns, 'run')),
    clear: (upTo) => void clear.run(upTo),
    count: (status, tenant) => integer((tenant === undefined ? count.get(status) : countOfTenant.get(status, tenant)) ?? {}, 'count'),
    runOfKey: (tenant, key) => {
      const columns = runOfKey.get(tenant, key)
      return columns ? text(columns, 'run') : null
    },
    keep: (tenant, key, run) => void keep.run(tenant, key, run),
    drop: (root) => {
      dropItems.run(root)
      dropKeys.run(root)
    },
  }
}

function queueRowOf(columns: Columns): QueueRow {
  return {
    run: text(columns, 'run'),
    ordinal: integer(columns, 'ordinal'),
    agent: text(columns, 'agent'),
    tenant: text(columns, 'tenant'),
    model: text(columns, 'model'),
    priority: integer(columns, 'priority'),
    status: text(columns, 'status') as QueueRow['status'],
    notBefore: integerOrNull(columns, 'not_before'),
    expiresAt: integerOrNull(columns, 'expires_at'),
    dedupKey: textOrNull(columns, 'dedup_key'),
    attempts: integer(columns, 'attempts'),
    maxAttempts: integer(columns, 'max_attempts'),
    isChild: integer(columns, 'is_child') === 1,
    lastError: textOrNull(columns, 'last_error'),
    revision: integer(columns, 'revision'),
  }
}
