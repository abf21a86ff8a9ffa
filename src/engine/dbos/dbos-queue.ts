import type { Entry, NewEntry } from '../../client/entry.ts'
import { bodyText } from '../body-text.ts'
import { isDuplicate, isFull } from '../queue-errors.ts'
import {
  QUEUE_DEFAULTS,
  type Admission,
  type ConsumeOptions,
  type Consumer,
  type Performed,
  type QueueDepth,
  type QueueItem,
  type QueueState,
  type QueueStatus,
  type QueueTurn,
  type RunQueue,
} from '../queue.ts'
import type { Database } from './database.ts'
import { RAISED } from './functions.ts'
import { codeOf } from './pg-fault.ts'
import type { QueueParts } from './queue-parts.ts'
import { sessionOf } from './rows.ts'

const ITEM = `run, agent, tenant, model, priority, status, not_before::float8 as "notBefore", expires_at::float8 as "expiresAt",
  dedup_key as "dedupKey", attempts, max_attempts as "maxAttempts", is_child as "isChild", last_error as "lastError"`

/** PostgreSQL's and DBOS's largest number of a priority. */
const MOST = 2_147_483_647

/** The queue of a fleet: rows say how runs stand, DBOS hands them out. */
export class DbosQueue implements RunQueue {
  readonly isEmbedded = false
  readonly #parts: QueueParts

  constructor(parts: QueueParts) {
    this.#parts = parts
  }

  async enqueue(
    start: NewEntry<'run-start'>,
    item: QueueItem,
    { maxDepth, maxDepthPerTenant }: Admission = { maxDepth: QUEUE_DEFAULTS.maxDepth },
  ): Promise<Entry> {
    const { run } = item
    try {
      await this.#database.query(`select ${this.#own}.enqueue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`, [
        run,
        sessionOf(start.body),
        start.at,
        bodyText(run, start),
        item.agent,
        item.tenant,
        item.model,
        Math.min(item.priority, MOST),
        item.notBefore,
        item.expiresAt,
        item.dedupKey,
        item.maxAttempts,
        item.isChild,
        maxDepth === undefined ? null : Math.min(maxDepth, MOST),
        maxDepthPerTenant === undefined ? null : Math.min(maxDepthPerTenant, MOST),
      ])
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      if (codeOf(cause) === RAISED.twin && cause instanceof Error) throw isDuplicate(item, cause.message)
      if (codeOf(cause) === RAISED.full && cause instanceof Error) throw isFull(cause.message)
      throw error
    }
    return { run, seq: 1, epoch: 0, ...start }
  }

  async consume(options: ConsumeOptions, perform: (turn: QueueTurn) => Promise<Performed>): Promise<Consumer> {
    // DBOS is loaded by workers only: whoever enqueues or looks does without.
    const { DbosConsumer } = await import('./dbos-consumer.ts')
    return DbosConsumer.start(this.#parts, options, perform)
  }

  async wake(run: string): Promise<boolean> {
    const [row] = await this.#database.query<{ woken: boolean }>(`select ${this.#own}.wake($1, true) as woken`, [run])
    return row?.woken ?? false
  }

  async get(run: string): Promise<QueueState | null> {
    const [row] = await this.#database.query<QueueState & { run: string }>(`select ${ITEM} from ${this.#own}.queue where run = $1`, [run])
    return row ?? null
  }

  async depth(): Promise<QueueDepth> {
    const sql = `select status, count(*)::integer as count from ${this.#own}.queue group by status`
    const rows = await this.#database.query<{ status: QueueStatus; count: number }>(sql)
    const count = (status: QueueStatus): number => rows.find((row) => row.status === status)?.count ?? 0
    return { queued: count('queued'), running: count('running'), parked: count('parked'), dead: count('dead') }
  }

  async isServed(): Promise<boolean> {
    const { own: s } = this.#database.schemas
    const [row] = await this.#database.query<{ served: boolean }>(
      `select exists (select 1 from ${s}.workers where ${s}.is_held(id)) as served`,
    )
    return row?.served ?? false
  }

  get #database(): Database {
    return this.#parts.database
  }

  get #own(): string {
    return this.#parts.database.schemas.own
  }
}
