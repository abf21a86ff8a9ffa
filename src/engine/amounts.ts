import type { Usage } from '../client/usage.ts'
import type { Amounts, BudgetLimits, Spent } from './spending.ts'

export const NOTHING: Spent = { tokens: 0, costUsd: 0, toolCalls: 0 }

export function plus(a: Spent, b: Spent): Spent {
  return { tokens: a.tokens + b.tokens, costUsd: a.costUsd + b.costUsd, toolCalls: a.toolCalls + b.toolCalls }
}

export function minus(a: Spent, b: Spent): Spent {
  return { tokens: a.tokens - b.tokens, costUsd: a.costUsd - b.costUsd, toolCalls: a.toolCalls - b.toolCalls }
}

export function spentBy({ inputTokens, outputTokens, costUsd = 0 }: Usage): Spent {
  return { tokens: inputTokens + outputTokens, costUsd, toolCalls: 0 }
}

/** Whether an amount fits beside what is spent and held; if not, whether it would when nothing were held. */
export function roomIn(
  limits: BudgetLimits,
  spent: Spent,
  held: Spent,
  amount: Spent,
): { readonly fits: boolean; readonly heldByOthers: boolean } {
  const alone = plus(spent, amount)
  const together = plus(alone, held)
  return { fits: isWithin(together, limits), heldByOthers: isWithin(alone, limits) }
}

function isWithin(sum: Spent, { tokens = Infinity, costUsd = Infinity, toolCalls = Infinity }: BudgetLimits): boolean {
  return sum.tokens <= tokens && sum.costUsd <= costUsd && sum.toolCalls <= toolCalls
}

/** What is left of caps; Infinity where there is none. */
export function left({ tokens = Infinity, costUsd = Infinity, toolCalls = Infinity }: BudgetLimits, used: Spent): Spent {
  return { tokens: tokens - used.tokens, costUsd: costUsd - used.costUsd, toolCalls: toolCalls - used.toolCalls }
}

export function least(amounts: readonly BudgetLimits[]): Spent {
  const of = (key: keyof Spent): number => Math.min(...amounts.map((amount) => amount[key] ?? Infinity))
  return { tokens: of('tokens'), costUsd: of('costUsd'), toolCalls: Math.max(of('toolCalls'), 0) }
}

/** The caps among amounts of which Infinity says that there is none. */
export function capsOf({ tokens = Infinity, costUsd = Infinity, toolCalls = Infinity }: Amounts): Amounts {
  return {
    ...(Number.isFinite(tokens) && { tokens }),
    ...(Number.isFinite(costUsd) && { costUsd }),
    ...(Number.isFinite(toolCalls) && { toolCalls }),
  }
}
