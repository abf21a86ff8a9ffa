import type { Spent } from '../budget.ts'
import type { Ledger, LedgerAnswer, LedgerScope } from '../ledger.ts'
import { NOTHING, plus, roomIn } from '../amounts.ts'
import { isInTree } from '../../util/run-id.ts'

interface Hold {
  readonly holder: string
  readonly scopes: readonly string[]
  readonly amount: Spent
}

/** The ledger in this process's memory. */
export class MemoryLedger implements Ledger {
  readonly #spent = new Map<string, Spent>()
  readonly #holds = new Map<string, Hold>()
  #count = 0

  async reserve(holder: string, scopes: readonly LedgerScope[], amount: Spent): Promise<LedgerAnswer> {
    for (const { id, limits } of scopes) {
      const { spent, held } = this.#sums(id)
      const room = roomIn(limits, spent, held, amount)
      if (!room.fits) return { ok: false, scope: id, heldByOthers: room.heldByOthers, spent }
    }
    const id = String(++this.#count)
    this.#holds.set(id, { holder, scopes: scopes.map((scope) => scope.id), amount })
    return { ok: true, id }
  }

  async settle(id: string, used: Spent): Promise<void> {
    const hold = this.#holds.get(id)
    if (!hold) return
    this.#holds.delete(id)
    for (const scope of hold.scopes) this.#spent.set(scope, plus(this.#spent.get(scope) ?? NOTHING, used))
  }

  async release(holder: string): Promise<void> {
    for (const [id, hold] of this.#holds) if (isInTree(hold.holder, holder)) this.#holds.delete(id)
  }

  async spent(scope: string): Promise<{ spent: Spent; held: Spent }> {
    return this.#sums(scope)
  }

  #sums(scope: string): { spent: Spent; held: Spent } {
    const held = [...this.#holds.values()]
      .filter(({ scopes }) => scopes.includes(scope))
      .reduce((sum, { amount }) => plus(sum, amount), NOTHING)
    return { spent: this.#spent.get(scope) ?? NOTHING, held }
  }
}
