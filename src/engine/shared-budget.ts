import type { EntryBodies } from '../client/entry.ts'
import type { Clock } from '../util/clock.ts'
import type { Ledger, LedgerScope } from './ledger.ts'
import type { BudgetLimits } from './spending.ts'
import type { SharedBudget } from './spent-together.ts'

/** What all runs of a tenant may use together; days and months are those of UTC. */
export interface TenantBudget {
  readonly day?: Pick<BudgetLimits, 'tokens' | 'costUsd'>
  readonly month?: Pick<BudgetLimits, 'tokens' | 'costUsd'>
}

export interface TenantBudgets {
  /** For each tenant that is not named below. */
  readonly default?: TenantBudget
  readonly tenants?: { readonly [tenant: string]: TenantBudget }
}

export interface SharedBudgetParts {
  readonly run: string
  readonly start: EntryBodies['run-start']
  readonly limits: BudgetLimits
  /** Whether agents below it run in other activations. */
  readonly spreads: boolean
  readonly tenants: TenantBudgets | undefined
  readonly ledger: Ledger
  readonly clock: Clock
}

/**
 * What several activations spend together, as far as it concerns a run: budgets of runs above it, which run elsewhere; its
 * own, when agents below it do; and its tenant's. Undefined when there is none of that: then memory and the log are enough.
 */
export function sharedBudget({ run, start, limits, spreads, tenants, ledger, clock }: SharedBudgetParts): SharedBudget | undefined {
  const above = start.budgets ?? []
  const own = spreads && (limits.tokens ?? limits.costUsd ?? limits.toolCalls) !== undefined ? [{ id: `run:${run}`, limits }] : []
  const tenantBudget = start.tenant === undefined ? undefined : (tenants?.tenants?.[start.tenant] ?? tenants?.default)
  const fixed: readonly LedgerScope[] = [...above, ...own]
  if (fixed.length === 0 && !tenantBudget) return undefined
  const scopes = (): readonly LedgerScope[] => [...fixed, ...tenantScopes(start.tenant ?? '', tenantBudget ?? {}, clock.now())]
  return { holder: run, ledger, scopes, handedDown: fixed }
}

function tenantScopes(tenant: string, { day, month }: TenantBudget, now: number): readonly LedgerScope[] {
  const date = new Date(now).toISOString()
  return [
    ...(day ? [{ id: `tenant:${tenant}:${date.slice(0, 10)}`, limits: day }] : []),
    ...(month ? [{ id: `tenant:${tenant}:${date.slice(0, 7)}`, limits: month }] : []),
  ]
}
