import type { BudgetLimits } from '../engine/budget.ts'
import { TroupeError } from '../errors/troupe-error.ts'

/** Whole numbers from `least`, or absent: anything else would be a limit that is never met. Throws `config/invalid`. */
export function checkWhole(name: string, option: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return
  throw new TroupeError('config/invalid', `agent '${name}': ${option} must be a whole number from ${least}, not ${value}`)
}

/** Amounts from 0, or absent. Throws `config/invalid`. */
export function checkBudget(name: string, budget: BudgetLimits = {}): void {
  for (const [limit, value] of Object.entries(budget)) {
    if (value === undefined || (typeof value === 'number' && value >= 0)) continue
    throw new TroupeError('config/invalid', `agent '${name}': budget.${limit} must be a number from 0, not ${String(value)}`)
  }
}
