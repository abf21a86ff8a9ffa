import type { Entry, NewEntry } from '../../client/entry.ts'
import type { ClaimOptions, CreateOptions, HeadFilter, LogStore, Ownership, RunHead } from '../engine.ts'
import type { Ledger } from '../ledger.ts'
import type { RunQueue } from '../queue.ts'
import type { Database } from './database.ts'
import { DbosLedger } from './dbos-ledger.ts'
import { DbosQueue } from './dbos-queue.ts'
import { ProcessLock } from './process-lock.ts'
import { arraysOf, entryOf, ROW, sessionOf, sessionText, type Row } from './rows.ts'
import { isTicket, type Ticket } from './ticket.ts'
import type { WorkerTimes } from './worker-times.ts'
import { WriteQueue } from './write-queue.ts'

type StartRow = Row & { readonly lastSeq: number; readonly steps: number }

const IN_TREE = "(run = $1 or (run >= $1 || '-' and run < $1 || '.'))"

/** The log in PostgreSQL, which any number of processes use. */
export class DbosStore implements LogStore {
  readonly shared = true
  readonly queue: RunQueue
  readonly ledger: Ledger
  readonly #database: Database
  readonly #lock: ProcessLock
  readonly #writes: WriteQueue
  /** What proves the ownership of runs that came through a turn, and of those below them; by run and epoch. */
  readonly #tickets = new Map<string, Ticket>()
  readonly #appendIds = new WeakMap<readonly NewEntry[], string>()
  #snapshot = ''
  #version = 0

  constructor(database: Database, times: WorkerTimes) {
    this.#database = database
    this.#lock = new ProcessLock(database)
    this.#writes = new WriteQueue(database)
    this.ledger = new DbosLedger(database)
    this.queue = new DbosQueue({ database, lock: this.#lock, store: this, times })
  }

  async create(run: string, start: NewEntry<'run-start'>, { rest = [], under = null }: CreateOptions = {}): Promise<Entry> {
    const ticket = under ? (this.#tickets.get(nameOf(under)) ?? null) : null
    const begin = { session: sessionOf(start.body), under }
    await this.#writes.add({ id: crypto.randomUUID(), run, epoch: null, ticket, rows: arraysOf(run, [start, ...rest]), begin })
    return { run, seq: 1, epoch: 0, ...start }
  }

  async claim(run: string, { takeOver = false, under = null, ticket }: ClaimOptions = {}): Promise<number> {
    await Promise.all([this.#lock.hold(), this.#writes.settled()])
    const proof = isTicket(ticket) ? ticket : under ? this.#tickets.get(nameOf(under)) : undefined
    const values = [run, this.#lock.id, takeOver, ...this.#asOwner(under), ...ticketOf(proof)]
    const epoch = await this.#call<number>('claim($1, $2, $3, $4, $5, $6, $7, $8)', values)
    if (proof) this.#tickets.set(nameOf({ run, epoch }), proof)
    return epoch
  }

  async release(run: string, epoch: number): Promise<void> {
    await this.#writes.settled()
    this.#tickets.delete(nameOf({ run, epoch }))
    await this.#database.query(`update ${this.#own}.runs set owner = null where run = $1 and epoch = $2`, [run, epoch])
  }

  async append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]> {
    const id = this.#appendIds.get(entries) ?? crypto.randomUUID()
    this.#appendIds.set(entries, id)
    const ticket = epoch === null ? null : (this.#tickets.get(nameOf({ run, epoch })) ?? null)
    const first = await this.#writes.add({ id, run, epoch, ticket, rows: arraysOf(run, entries) })
    return entries.map((entry, index) => ({ run, seq: first + index, epoch: epoch ?? 0, ...entry }))
  }

  async feed(after: string | null, limit: number): Promise<{ cursor: string | null; entries: readonly Entry[] }> {
    await this.#writes.settled()
    const [xid = '0', place = '0'] = after?.split('.') ?? []
    // What is still being written may get its place before this moment's end: it is left for the next call.
    const rows = await this.#database.query<Row & { cursor: string }>(
      `select ${ROW}, xid::text || '.' || place as cursor from ${this.#own}.entries
       where (xid, place) > ($1::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
       order by xid, place limit $3`,
      [xid, place, limit],
    )
    return { cursor: rows.at(-1)?.cursor ?? after, entries: rows.map(entryOf) }
  }

  async read(run: string, after: number = 0): Promise<readonly Entry[]> {
    await this.#writes.settled()
    const sql = `select ${ROW} from ${this.#own}.entries where run = $1 and seq > $2 order by seq`
    return (await this.#database.query<Row>(sql, [run, after])).map(entryOf)
  }

  async readTree(root: string): Promise<readonly Entry[]> {
    await this.#writes.settled()
    const sql = `select ${ROW} from ${this.#own}.entries where ${IN_TREE} order by place`
    return (await this.#database.query<Row>(sql, [root])).map(entryOf)
  }

  async heads({ limit, rootsOnly = false, session }: HeadFilter = {}): Promise<readonly RunHead[]> {
    await this.#writes.settled()
    const entries = `${this.#own}.entries`
    const rows = await this.#database.query<StartRow>(
      `select e.run, e.seq, e.key, e.epoch, e.at, e.type, e.body, e.version, r.last_seq as "lastSeq",
         (select count(*)::integer from ${entries} s where s.run = r.run and s.type = 'step-start' and s.key is not null) as steps
       from ${this.#own}.runs r join ${entries} e on e.run = r.run and e.seq = 1
       where (not $1 or r.is_root) and ($2::text is null or (r.is_root and md5(r.session) = md5($2) and r.session = $2))
       order by r.place desc limit $3`,
      [rootsOnly, session ? sessionText(session) : null, limit ?? null],
    )
    const last = await this.#database.query<Row>(
      `select ${ROW} from ${entries} where (run, seq) in (select * from unnest($1::text[], $2::integer[]))`,
      [rows.map(({ run }) => run), rows.map(({ lastSeq }) => lastSeq)],
    )
    const lastOf = new Map(last.map((row) => [row.run, row]))
    return rows.flatMap(({ lastSeq: _, steps, ...start }) => {
      const end = lastOf.get(start.run)
      if (!end) return []
      try {
        return [{ run: start.run, start: entryOf(start), last: entryOf(end), steps }]
      } catch {
        return [] // Whoever reads this run is told what is wrong with it; the others can still be listed.
      }
    })
  }

  /** Counts the snapshots that differ: one changes whenever a transaction of this server that wrote has ended. */
  async version(): Promise<number> {
    const [row] = await this.#database.query<{ snapshot: string }>('select pg_current_snapshot()::text as snapshot')
    if (row && row.snapshot !== this.#snapshot) {
      this.#snapshot = row.snapshot
      this.#version++
    }
    return this.#version
  }

  async drop(run: string): Promise<void> {
    await this.#writes.settled()
    await this.#call('drop_tree($1)', [run])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writes.settled()
    await this.#lock[Symbol.asyncDispose]()
    await this.#database[Symbol.asyncDispose]()
  }

  get #own(): string {
    return this.#database.schemas.own
  }

  async #call<T>(call: string, values: readonly unknown[]): Promise<T> {
    const [row] = await this.#database.query<{ given: T }>(`select ${this.#own}.${call} as given`, values)
    return row?.given as T
  }

  #asOwner(under: Ownership | null | undefined): readonly [string | null, number | null] {
    return [under?.run ?? null, under?.epoch ?? null]
  }
}

function nameOf({ run, epoch }: Ownership): string {
  return `${epoch} ${run}`
}

function ticketOf(ticket: Ticket | undefined): readonly (string | null)[] {
  return [ticket?.workflow ?? null, ticket?.executor ?? null, ticket?.token ?? null]
}
