import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { TroupeError } from '../../errors/troupe-error.ts'
import { detach } from '../../util/detach.ts'
import type { QueueParts } from './queue-parts.ts'
import { queueNameOf } from './names.ts'
import { KEEP_TURNS_MS, MEND_MS } from './worker-times.ts'

export interface SweeperOptions {
  readonly agents: readonly string[]
  onExpired(run: string): Promise<void>
}

/** How often a lock is tried after its holder's connection was cut. */
const EVICTED_LOOKS = 20
const EVICTED_LOOK_MS = 50
const EXPIRED_AT_ONCE = 100
/** What is over is thrown away in parts, so that nobody waits for it. */
const SWEPT_AT_ONCE = 1_000

/**
 * Says that this worker lives, and takes over from workers that do not: DBOS alone would let their turns lie. Whoever
 * gets the lock of another has seen its connection gone. One whose connection is open and that says nothing (stopped, or
 * beyond a network that drops) has it cut first; when it wakes it finds that and exits, and until then DBOS's token
 * keeps it from writing.
 */
export class Sweeper {
  readonly #parts: QueueParts
  readonly #options: SweeperOptions
  readonly #fenced = Promise.withResolvers<TroupeError>()
  #isFenced = false
  #isStopped = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #sweeping: Promise<void> = Promise.resolve()
  #mendAt = 0

  constructor(parts: QueueParts, options: SweeperOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Resolves when this process finds that it was taken for dead. */
  get fenced(): Promise<TroupeError> {
    return this.#fenced.promise
  }

  get isFenced(): boolean {
    return this.#isFenced
  }

  fence(): void {
    this.#isFenced = true
    this.#fenced.resolve(
      new TroupeError(
        'engine/lost-ownership',
        'this process was taken for dead, for it said nothing for too long: its runs are taken over',
      ),
    )
  }

  async join(): Promise<void> {
    const { database, lock } = this.#parts
    const sql = `insert into ${database.schemas.own}.workers (id, label) values ($1, $2) on conflict (id) do update set beat = clock_timestamp()`
    await database.query(sql, [lock.id, `${hostname()} ${process.pid}`])
  }

  start(): void {
    this.#sweep()
  }

  /** From now on nothing is swept: this process has lost its place. */
  stop(): void {
    this.#isFenced = true
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** Leaves the fleet in order. */
  async leave(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#sweeping
    const { database, lock } = this.#parts
    await database.query(`delete from ${database.schemas.own}.workers where id = $1`, [lock.id]).catch(() => [])
  }

  #sweep(): void {
    if (this.#isStopped) return
    this.#sweeping = this.#sweepOnce()
    detach(this.#sweeping)
  }

  async #sweepOnce(): Promise<void> {
    try {
      await this.#beat()
      await this.#takeOver()
      await this.#expire()
      if (Date.now() >= this.#mendAt) {
        this.#mendAt = Date.now() + MEND_MS
        await this.#mend()
      }
    } catch {
      // The database is away, or the lock's connection is: that connection says so itself; the next sweep tries again.
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#sweep(), this.#parts.times.sweepMs)
  }

  /** On the connection that holds the lock: while it answers, the lock is held. */
  async #beat(): Promise<void> {
    const { database, lock } = this.#parts
    const client = await lock.hold()
    const sql = `update ${database.schemas.own}.workers set beat = clock_timestamp() where id = $1`
    const { rowCount } = await client.query(sql, [lock.id])
    if (rowCount !== 1) this.fence()
  }

  async #takeOver(): Promise<void> {
    const { database, lock, times } = this.#parts
    const { own: s, dbos: d } = database.schemas
    const dead = await database.query<{ id: string; stale: boolean }>(
      `select x.id, coalesce(w.beat < clock_timestamp() - make_interval(secs => $2), true) as stale
       from (select distinct executor_id as id from ${d}.workflow_status where status = 'PENDING'
         union select id from ${s}.workers) x
       left join ${s}.workers w on w.id = x.id where x.id <> $1 and x.id is not null`,
      [lock.id, times.staleMs / 1_000],
    )
    for (const { id, stale } of dead) {
      if (this.#isStopped) return
      if (await this.#isFree(id, stale)) await this.#inherit(id)
    }
  }

  /** Whether the lock of another process is free; one that is stale is made so. */
  async #isFree(id: string, isStale: boolean): Promise<boolean> {
    const { database } = this.#parts
    const { own: s } = database.schemas
    const isHeld = async (): Promise<boolean> =>
      (await database.query<{ held: boolean }>(`select ${s}.is_held($1) as held`, [id]))[0]?.held ?? true
    if (!(await isHeld())) return true
    if (!isStale) return false
    await database.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
         and database = (select oid from pg_database where datname = current_database())
         and ((classid::bigint << 32) | objid::bigint) = ${s}.lock_key($1)`,
      [id],
    )
    for (let look = 0; look < EVICTED_LOOKS; look++) {
      if (!(await isHeld())) return true
      await pause(EVICTED_LOOK_MS)
    }
    return false
  }

  /**
   * Gives the turns of a dead worker back to DBOS, by DBOS's own statement of recovery and under its condition; a turn
   * that was cancelled stays so. How often a run is taken is counted when its turn begins, so that one which kills its
   * workers becomes a dead letter.
   */
  async #inherit(id: string): Promise<void> {
    const { database } = this.#parts
    const { own: s, dbos: d } = database.schemas
    await database.transaction(async (client) => {
      const { rows } = await client.query<{ free: boolean }>(`select pg_try_advisory_xact_lock(${s}.lock_key($1)) as free`, [id])
      if (!rows[0]?.free) return
      await client.query(`delete from ${s}.workers where id = $1`, [id])
      await client.query(
        `with given as (
           update ${d}.workflow_status set status = 'ENQUEUED', owner_xid = null, started_at_epoch_ms = null,
             updated_at = (extract(epoch from clock_timestamp()) * 1000)::bigint
           where status = 'PENDING' and executor_id = $1 and queue_name is not null returning workflow_uuid)
         update ${s}.queue q set status = 'queued', last_error = 'the end of its worker', changed_at = clock_timestamp()
         from given where q.status = 'running' and q.run || ':' || q.segment = given.workflow_uuid`,
        [id],
      )
    })
  }

  /** Runs that have not started in time end, though nobody has a place for them. */
  async #expire(): Promise<void> {
    const { database } = this.#parts
    const rows = await database.query<{ run: string }>(
      `select run from ${database.schemas.own}.queue
       where status = 'queued' and attempts = 0 and expires_at <= extract(epoch from clock_timestamp()) * 1000 and agent = any ($1) limit $2`,
      [this.#options.agents, EXPIRED_AT_ONCE],
    )
    for (const { run } of rows) await this.#options.onExpired(run)
  }

  /** Items whose turn DBOS does not have any more get a new one; rows of turns that are over go. */
  async #mend(): Promise<void> {
    const { database } = this.#parts
    const { own: s, dbos: d } = database.schemas
    await database.query(
      `select ${s}.settle(q.run, q.segment, 'queued', null, null, coalesce(q.last_error, 'its turn was lost'))
       from ${s}.queue q where q.status in ('queued', 'running') and q.changed_at < clock_timestamp() - make_interval(secs => $1)
         and not exists (select 1 from ${d}.workflow_status w
           where w.workflow_uuid = q.run || ':' || q.segment and w.status in ('ENQUEUED', 'DELAYED', 'PENDING'))
       limit $2`,
      [MEND_MS / 1_000, SWEPT_AT_ONCE],
    )
    const before = Date.now() - KEEP_TURNS_MS
    await database.query(
      `with over as (select workflow_uuid as id from ${d}.workflow_status
         where completed_at < $1 and queue_name = any ($2) limit $3 for update skip locked),
       inputs as (delete from ${d}.workflow_input using over where workflow_uuid = id)
       delete from ${d}.workflow_status using over where workflow_uuid = id`,
      [before, this.#options.agents.map(queueNameOf), SWEPT_AT_ONCE],
    )
    await database.query(`delete from ${s}.starts where at < clock_timestamp() - make_interval(secs => $1)`, [KEEP_TURNS_MS / 1_000])
  }
}
