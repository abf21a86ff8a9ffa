import type { BudgetLimits, Spent } from './spending.ts'

export const NOTHING: Spent = { tokens: 0, costUsd: 0, toolCalls: 0 }

export function add(a: Spent, b: Spent): Spent {
  return { tokens: a.tokens + b.tokens, costUsd: a.costUsd + b.costUsd, toolCalls: a.toolCalls + b.toolCalls }
}

/** Whether an amount fits beside what is spent and held; if not, whether it would when nothing were held. */
export function roomIn(
  limits: BudgetLimits,
  spent: Spent,
  held: Spent,
  amount: Spent,
): { readonly fits: boolean; readonly heldByOthers: boolean } {
  const alone = add(spent, amount)
  const together = add(alone, held)
  return { fits: isWithin(together, limits), heldByOthers: isWithin(alone, limits) }
}

function isWithin(sum: Spent, { tokens = Infinity, costUsd = Infinity, toolCalls = Infinity }: BudgetLimits): boolean {
  return sum.tokens <= tokens && sum.costUsd <= costUsd && sum.toolCalls <= toolCalls
}
