import type { BudgetLimits } from '../engine/budget.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { closest } from '../schema/closest.ts'

/** Whole numbers from `least`, or absent: anything else would be a limit that is never met. Throws `config/invalid`. */
export function checkWhole(name: string, option: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return
  throw new TroupeError('config/invalid', `agent '${name}': ${option} must be a whole number from ${least}, not ${value}`)
}

const BUDGET_KEYS: readonly (keyof BudgetLimits)[] = ['tokens', 'costUsd', 'toolCalls', 'timeMs']

/** A misspelt option would be a limit that is not there. Throws `config/invalid` with the one most like it. */
export function checkKeys(what: string, given: object, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue
    const near = closest(key, known)
    throw new TroupeError('config/invalid', `${what} has no option '${key}'${near === undefined ? '' : `; did you mean '${near}'?`}`)
  }
}

/** Amounts from 0, or absent. Throws `config/invalid`. */
export function checkBudget(name: string, budget: BudgetLimits = {}): void {
  checkKeys(`agent '${name}': budget`, budget, BUDGET_KEYS)
  for (const [limit, value] of Object.entries(budget)) {
    if (value === undefined || (typeof value === 'number' && value >= 0)) continue
    throw new TroupeError('config/invalid', `agent '${name}': budget.${limit} must be a number from 0, not ${String(value)}`)
  }
}
