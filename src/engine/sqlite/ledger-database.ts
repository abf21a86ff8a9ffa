import type { DatabaseSync } from 'node:sqlite'
import type { Spent } from '../budget.ts'
import { NOTHING, roomIn } from '../amounts.ts'
import type { LedgerAnswer, LedgerScope } from '../ledger.ts'
import { integer, text, type Columns } from './columns.ts'

/** The ledger in one open file; the caller holds the transaction. */
export class LedgerDatabase {
  readonly #spent
  readonly #held
  readonly #hold
  readonly #holdsOf
  readonly #add
  readonly #free
  readonly #release
  readonly #nextId

  constructor(database: DatabaseSync) {
    this.#spent = database.prepare('select tokens, cost_usd, tool_calls from ledger where scope = ?')
    this.#held = database.prepare(
      'select coalesce(sum(tokens), 0) as tokens, coalesce(sum(cost_usd), 0.0) as cost_usd, coalesce(sum(tool_calls), 0) as tool_calls from holds where scope = ?',
    )
    this.#hold = database.prepare('insert into holds (id, scope, holder, tokens, cost_usd, tool_calls) values (?, ?, ?, ?, ?, ?)')
    this.#holdsOf = database.prepare('select scope from holds where id = ?')
    this.#add = database.prepare(
      `insert into ledger (scope, tokens, cost_usd, tool_calls) values (?1, ?2, ?3, ?4)
         on conflict (scope) do update set tokens = tokens + ?2, cost_usd = cost_usd + ?3, tool_calls = tool_calls + ?4`,
    )
    this.#free = database.prepare('delete from holds where id = ?')
    this.#release = database.prepare("delete from holds where holder = ?1 or (holder >= ?1 || '-' and holder < ?1 || '.')")
    this.#nextId = database.prepare("update counters set value = value + 1 where name = 'hold' returning value")
  }

  reserve(holder: string, scopes: readonly LedgerScope[], amount: Spent): LedgerAnswer {
    for (const { id, limits } of scopes) {
      const { spent, held } = this.spent(id)
      const room = roomIn(limits, spent, held, amount)
      if (!room.fits) return { ok: false, scope: id, heldByOthers: room.heldByOthers, spent }
    }
    const id = integer(this.#nextId.get() ?? {}, 'value')
    for (const scope of scopes) this.#hold.run(id, scope.id, holder, amount.tokens, amount.costUsd, amount.toolCalls)
    return { ok: true, id: String(id) }
  }

  settle(id: string, used: Spent): void {
    for (const columns of this.#holdsOf.all(Number(id))) {
      this.#add.run(text(columns, 'scope'), used.tokens, used.costUsd, used.toolCalls)
    }
    this.#free.run(Number(id))
  }

  release(holder: string): void {
    this.#release.run(holder)
  }

  spent(scope: string): { spent: Spent; held: Spent } {
    const spent = this.#spent.get(scope)
    return { spent: spent ? spentOf(spent) : NOTHING, held: spentOf(this.#held.get(scope) ?? {}) }
  }
}

function spentOf(columns: Columns): Spent {
  return { tokens: integer(columns, 'tokens'), costUsd: integer(columns, 'cost_usd'), toolCalls: integer(columns, 'tool_calls') }
}
