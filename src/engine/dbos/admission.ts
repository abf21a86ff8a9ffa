import type { QueueLimits } from '../queue.ts'
import type { Database } from './database.ts'
import type { Ticket } from './ticket.ts'

/** What becomes of a turn that DBOS has handed out. */
export type Admitted =
  | { readonly type: 'go'; readonly attempt: number; readonly maxAttempts: number; readonly ticket: Ticket }
  /** Its run has ended, or another turn of it came after this one. */
  | { readonly type: 'gone' }
  /** A cap or a rate that DBOS does not know holds it back. */
  | { readonly type: 'held' }
  | { readonly type: 'expired' }
  | { readonly type: 'exhausted'; readonly lastError: string | null; readonly maxAttempts: number }
  /** This process was taken for dead. */
  | { readonly type: 'fenced' }

interface Row {
  readonly outcome: Admitted['type']
  readonly attempts: number
  readonly maxAttempts: number
  readonly lastError: string | null
  readonly token: string
}

/** Begins a turn, or says why it does not begin; see `admission-sql.ts`. */
export async function admit(database: Database, worker: string, run: string, segment: string, limits: QueueLimits): Promise<Admitted> {
  const [row] = await database.query<Row>(
    `select outcome, attempts, max_attempts as "maxAttempts", last_error as "lastError", token from ${database.schemas.own}.admit($1, $2, $3, $4)`,
    [run, segment, worker, Object.keys(limits).length > 0 ? JSON.stringify(limits) : null],
  )
  if (!row) return { type: 'gone' }
  const { outcome: type, attempts, maxAttempts, lastError, token } = row
  if (type === 'go') return { type, attempt: attempts + 1, maxAttempts, ticket: { workflow: `${run}:${segment}`, executor: worker, token } }
  if (type === 'exhausted') return { type, lastError, maxAttempts }
  return { type }
}

interface Standing {
  readonly tenant: string
  /** In all agents' queues, with whatever worker. */
  readonly running: number
  readonly waiting: number
  readonly turn: number
  readonly everywhere: number
}

/**
 * How many turns each tenant may give, of `free` in all: one at a time to the one with the fewest running, then to the
 * one whose last turn is longest ago. What a cap would hold back is not asked for; other workers may still be faster, so
 * `admit` has the last word.
 */
export async function sharesOf(
  database: Database,
  tenants: readonly string[],
  free: number,
  limits: QueueLimits,
): Promise<ReadonlyMap<string, number>> {
  const { own: s } = database.schemas
  const shares = new Map<string, number>()
  if (free <= 0) return shares
  const rows = await database.query<Standing>(
    `select t.tenant, coalesce(q.running, 0)::integer as running, coalesce(q.waiting, 0)::integer as waiting,
       coalesce(u.last_turn, 0)::float8 as turn,
       (select count(*)::integer from ${s}.queue where $2 and status = 'running') as everywhere
     from unnest($1::text[]) as t (tenant)
     left join (select tenant, count(*) filter (where status = 'running') as running, count(*) filter (where status = 'queued') as waiting
       from ${s}.queue where status in ('running', 'queued') and tenant = any ($1) group by tenant) q on q.tenant = t.tenant
     left join ${s}.turns u on u.tenant = t.tenant`,
    [tenants, limits.concurrency !== undefined],
  )
  const standing = rows.map((row) => ({ ...row, given: 0, room: roomOf(row, limits) }))
  const most = Math.min(free, (limits.concurrency ?? Infinity) - (rows[0]?.everywhere ?? 0))
  for (let i = 0; i < most; i++) {
    const next = standing
      .filter(({ given, room }) => given < room)
      .toSorted((a, b) => a.running + a.given - (b.running + b.given) || a.given - b.given || a.turn - b.turn)[0]
    if (!next) break
    next.given++
  }
  for (const { tenant, given } of standing) if (given > 0) shares.set(tenant, given)
  return shares
}

/** A tenant that DBOS names has at least one run, though its row may not say so any more. */
function roomOf({ tenant, running, waiting }: Standing, limits: QueueLimits): number {
  const cap = (limits.tenants?.[tenant] ?? limits.tenant)?.concurrency ?? Infinity
  return Math.min(Math.max(waiting, 1), cap - running)
}
