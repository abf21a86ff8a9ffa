import type { PoolClient } from 'pg'
import type { QueueLimits, Rate } from '../queue.ts'
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

interface Item {
  readonly agent: string
  readonly tenant: string
  readonly model: string
  readonly status: string
  readonly attempts: number
  readonly maxAttempts: number
  readonly lastError: string | null
  readonly expired: boolean
  readonly token: string | null
  readonly alive: boolean
}

/**
 * Begins a turn: marks its run as running, one attempt more. DBOS knows caps of one agent's queue and of a tenant within
 * it; what holds for a tenant across agents, for one tenant other than for the rest, for a model, and for the whole store
 * is looked at here, by one worker at a time, so that it is kept exactly however many there are.
 */
export function admit(database: Database, worker: string, run: string, segment: string, limits: QueueLimits): Promise<Admitted> {
  const { own: s, dbos: d } = database.schemas
  return database.transaction(async (client): Promise<Admitted> => {
    const isLimited = Object.keys(limits).length > 0
    if (isLimited) await client.query(`select pg_advisory_xact_lock(${s}.lock_key('admission'))`)
    const { rows } = await client.query<Item>(
      `select agent, tenant, model, q.status, attempts, max_attempts as "maxAttempts", last_error as "lastError",
         coalesce(attempts = 0 and expires_at <= extract(epoch from clock_timestamp()) * 1000, false) as expired,
         (select owner_xid from ${d}.workflow_status where workflow_uuid = $1 || ':' || $2 and executor_id = $3 and status = 'PENDING') as token,
         exists (select 1 from ${s}.workers where id = $3 for share) as alive
       from ${s}.queue q where run = $1 and segment = $2::bigint for update of q`,
      [run, segment, worker],
    )
    const [item] = rows
    if (!item || item.token === null) return { type: 'gone' }
    if (!item.alive) return { type: 'fenced' }
    if (item.expired) return { type: 'expired' }
    if (item.attempts >= item.maxAttempts) return { type: 'exhausted', lastError: item.lastError, maxAttempts: item.maxAttempts }
    if (isLimited && !(await hasRoom(client, s, run, item, limits))) return { type: 'held' }
    await client.query(
      `with turn as (
         insert into ${s}.turns values ($2, nextval('${s}.places')) on conflict (tenant) do update set last_turn = excluded.last_turn)
       update ${s}.queue set status = 'running', not_before = null, attempts = attempts + 1, changed_at = clock_timestamp() where run = $1`,
      [run, item.tenant],
    )
    const ticket = { workflow: `${run}:${segment}`, executor: worker, token: item.token }
    return { type: 'go', attempt: item.attempts + 1, maxAttempts: item.maxAttempts, ticket }
  })
}

async function hasRoom(client: PoolClient, s: string, run: string, item: Item, limits: QueueLimits): Promise<boolean> {
  const ofTenant = limits.tenants?.[item.tenant] ?? limits.tenant
  const ofAgent = limits.agents?.[item.agent]
  const { rows } = await client.query<{ all: number; tenant: number; agent: number }>(
    `select count(*)::integer as all, (count(*) filter (where tenant = $2))::integer as tenant,
       (count(*) filter (where agent = $3))::integer as agent from ${s}.queue where status = 'running' and run <> $1`,
    [run, item.tenant, item.agent],
  )
  const running = rows[0] ?? { all: 0, tenant: 0, agent: 0 }
  if (running.all >= (limits.concurrency ?? Infinity)) return false
  if (running.tenant >= (ofTenant?.concurrency ?? Infinity)) return false
  if (running.agent >= (ofAgent?.concurrency ?? Infinity)) return false
  const rates = new Map<string, Rate>()
  if (ofTenant?.rate) rates.set(`tenant ${item.tenant}`, ofTenant.rate)
  if (ofAgent?.rate) rates.set(`agent ${item.agent}`, ofAgent.rate)
  const ofModel = limits.models?.[item.model]?.rate
  if (ofModel) rates.set(`model ${item.model}`, ofModel)
  for (const [name, { limit, periodMs }] of rates) {
    const { rows: starts } = await client.query<{ count: number }>(
      `select count(*)::integer as count from ${s}.starts where rate = $1 and at > clock_timestamp() - make_interval(secs => $2)`,
      [name, periodMs / 1_000],
    )
    if ((starts[0]?.count ?? 0) >= limit) return false
  }
  if (rates.size > 0) await client.query(`insert into ${s}.starts (rate) select unnest($1::text[])`, [[...rates.keys()]])
  return true
}

/**
 * How many turns each tenant may give, of `free` in all: one at a time to the one with the fewest running, then to the
 * one whose last turn is longest ago.
 */
export async function sharesOf(database: Database, tenants: readonly string[], free: number): Promise<ReadonlyMap<string, number>> {
  const { own: s } = database.schemas
  const shares = new Map<string, number>()
  if (free <= 0) return shares
  const rows = await database.query<{ tenant: string; running: number; waiting: number; turn: number }>(
    `select t.tenant, coalesce(q.running, 0)::integer as running, coalesce(q.waiting, 0)::integer as waiting,
       coalesce(u.last_turn, 0)::float8 as turn
     from unnest($1::text[]) as t (tenant)
     left join (select tenant, count(*) filter (where status = 'running') as running, count(*) filter (where status = 'queued') as waiting
       from ${s}.queue where status in ('running', 'queued') and tenant = any ($1) group by tenant) q on q.tenant = t.tenant
     left join ${s}.turns u on u.tenant = t.tenant`,
    [tenants],
  )
  const standing = rows.map((row) => ({ ...row, given: 0 }))
  for (let i = 0; i < free; i++) {
    const next = standing
      .filter(({ given, waiting }) => given < Math.max(waiting, 1))
      .toSorted((a, b) => a.running + a.given - (b.running + b.given) || a.given - b.given || a.turn - b.turn)[0]
    if (!next) break
    next.given++
  }
  for (const { tenant, given } of standing) if (given > 0) shares.set(tenant, given)
  return shares
}
