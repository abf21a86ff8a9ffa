import type { PoolClient } from 'pg'
import type { Spent } from '../budget.ts'
import { NOTHING, roomIn } from '../amounts.ts'
import type { Ledger, LedgerAnswer, LedgerScope } from '../ledger.ts'
import type { Database } from './database.ts'

const SUMS = 'tokens, cost_usd as "costUsd", tool_calls as "toolCalls"'
const HELD =
  'coalesce(sum(tokens), 0)::float8 as tokens, coalesce(sum(cost_usd), 0)::float8 as "costUsd", coalesce(sum(tool_calls), 0)::float8 as "toolCalls"'

/** What several processes spend of one budget, in the store's tables. */
export class DbosLedger implements Ledger {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  reserve(holder: string, scopes: readonly LedgerScope[], amount: Spent): Promise<LedgerAnswer> {
    const { own: s } = this.#database.schemas
    return this.#database.transaction(async (client): Promise<LedgerAnswer> => {
      await this.#lock(
        client,
        scopes.map(({ id }) => id),
      )
      for (const { id, limits } of scopes) {
        const { spent, held } = await this.#sums(client, id)
        const room = roomIn(limits, spent, held, amount)
        if (!room.fits) return { ok: false, scope: id, heldByOthers: room.heldByOthers, spent }
      }
      const { rows } = await client.query<{ id: string }>(
        `with next as (select nextval('${s}.hold_ids') as id), held as (
           insert into ${s}.holds select id, scope, $2, $3, $4, $5 from next, unnest($1::text[]) as scope)
         select id::text from next`,
        [scopes.map(({ id }) => id), holder, amount.tokens, amount.costUsd, amount.toolCalls],
      )
      return { ok: true, id: rows[0]?.id ?? '' }
    })
  }

  async settle(id: string, used: Spent): Promise<void> {
    const { own: s } = this.#database.schemas
    await this.#database.transaction(async (client) => {
      const { rows } = await client.query<{ scope: string }>(`delete from ${s}.holds where id = $1 returning scope`, [id])
      const scopes = rows.map(({ scope }) => scope)
      await this.#lock(client, scopes)
      await client.query(
        `update ${s}.ledger set tokens = tokens + $2, cost_usd = cost_usd + $3, tool_calls = tool_calls + $4 where scope = any ($1)`,
        [scopes, used.tokens, used.costUsd, used.toolCalls],
      )
    })
  }

  async release(holder: string): Promise<void> {
    const { own: s } = this.#database.schemas
    await this.#database.query(`delete from ${s}.holds where holder = $1 or (holder >= $1 || '-' and holder < $1 || '.')`, [holder])
  }

  spent(scope: string): Promise<{ readonly spent: Spent; readonly held: Spent }> {
    return this.#database.transaction((client) => this.#sums(client, scope))
  }

  /** Always in the same order, so that two that need the same scopes wait for each other and never both. */
  async #lock(client: PoolClient, scopes: readonly string[]): Promise<void> {
    const { own: s } = this.#database.schemas
    await client.query(
      `insert into ${s}.ledger (scope) select scope from unnest($1::text[]) as scope order by scope on conflict do nothing`,
      [scopes],
    )
    await client.query(`select 1 from ${s}.ledger where scope = any ($1) order by scope for update`, [scopes])
  }

  async #sums(client: PoolClient, scope: string): Promise<{ spent: Spent; held: Spent }> {
    const { own: s } = this.#database.schemas
    // In this order, where nothing is locked: what is settled in between is seen twice, not missed.
    const held = await client.query<Spent>(`select ${HELD} from ${s}.holds where scope = $1`, [scope])
    const spent = await client.query<Spent>(`select ${SUMS} from ${s}.ledger where scope = $1`, [scope])
    return { spent: spent.rows[0] ?? NOTHING, held: held.rows[0] ?? NOTHING }
  }
}
