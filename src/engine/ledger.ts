import type { BudgetLimits, Spent } from './spending.ts'

/**
 * What several processes spend of one budget: the root of a run tree whose parts run in different workers, and a tenant's
 * day and month. Rows of the store: a crash resets nothing.
 */
export interface Ledger {
  /**
   * Holds an amount in every scope, or in none. `refused` names the scope that is full, and whether others hold what is
   * missing, so that waiting may help.
   */
  reserve(holder: string, scopes: readonly LedgerScope[], amount: Spent): Promise<LedgerAnswer>
  /** Replaces what was held by what was used; an unknown id changes nothing. */
  settle(id: string, used: Spent): Promise<void>
  /** Gives back what a run and those below it still hold, after the activation that held it is gone. */
  release(holder: string): Promise<void>
  spent(scope: string): Promise<{ readonly spent: Spent; readonly held: Spent }>
}

export interface LedgerScope {
  /** `run:ID`, `tenant:NAME:2026-11-21`, `tenant:NAME:2026-11`. */
  readonly id: string
  readonly limits: BudgetLimits
}

export type LedgerAnswer =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly scope: string; readonly heldByOthers: boolean; readonly spent: Spent }
