import { TroupeError } from '../errors/troupe-error.ts'
import { NOTHING } from './amounts.ts'
import type { Ledger, LedgerScope } from './ledger.ts'
import type { BudgetLimits, Spent } from './spending.ts'

/** What is spent together with other activations, in the store's ledger. */
export interface SharedBudget {
  /** The run in whose name room is held. */
  readonly holder: string
  readonly ledger: Ledger
  /** As they are now: a day ends while a run goes on. */
  scopes(): readonly LedgerScope[]
  /** Those that count for runs which this one calls elsewhere. */
  readonly handedDown: readonly LedgerScope[]
}

/** How often the ledger is asked again while another process holds what is missing. */
export const LEDGER_POLL_MS = 200

/** Counts tool calls to the caps that several activations share. Undefined where there is none; rejects with `budget/spent`. */
export function takeTogether(shared: SharedBudget | undefined, toolCalls: number, signal?: AbortSignal): Promise<void> | undefined {
  const scopes = shared?.scopes().filter(({ limits }) => limits.toolCalls !== undefined) ?? []
  return shared && scopes.length > 0 ? taken(shared, scopes, { ...NOTHING, toolCalls }, signal) : undefined
}

/** What a process held that died just then stays held until its run goes on: nobody waits for that longer than his own run. */
async function taken(
  { ledger, holder }: SharedBudget,
  scopes: readonly LedgerScope[],
  amount: Spent,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const answer = await ledger.reserve(
      holder,
      scopes.map(({ id, limits }) => ({ id, limits: onlyCalls(limits) })),
      amount,
    )
    if (answer.ok) return ledger.settle(answer.id, amount)
    if (!answer.heldByOthers) {
      const limit = scopes.find(({ id }) => id === answer.scope)?.limits.toolCalls
      throw new TroupeError(
        'budget/spent',
        `the budget of ${limit} tool calls of ${answer.scope} is spent: ${answer.spent.toolCalls} are made`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, LEDGER_POLL_MS)) // They are about to be counted.
  }
}

/**
 * A place in the ledger where the usage of one agent in another store is charged, once: a ticket that was settled is gone. It
 * holds nothing, and it outlives the activation, so that whoever goes on with the run settles the same. Undefined: nothing is shared.
 */
export async function ticketFor(shared: SharedBudget | undefined, run: string): Promise<string | undefined> {
  const scopes = shared?.scopes() ?? []
  if (!shared || scopes.length === 0) return undefined
  const answer = await shared.ledger.reserve(
    `loan:${run}`,
    scopes.map(({ id }) => ({ id, limits: {} })),
    NOTHING,
  )
  return answer.ok ? answer.id : undefined
}

/** What is left of the caps that several activations share: the least of all, and `free` of it while others hold some; what is not capped is absent. */
export async function leftTogether(
  shared: SharedBudget | undefined,
): Promise<{ readonly left: BudgetLimits; readonly free: BudgetLimits }> {
  const sums = await Promise.all(
    (shared?.scopes() ?? []).map(async ({ id, limits }) => ({ limits, ...(await (shared as SharedBudget).ledger.spent(id)) })),
  )
  return {
    left: lowest(sums.map(({ limits, spent }) => leftOf(limits, spent, NOTHING))),
    free: lowest(sums.map(({ limits, spent, held }) => leftOf(limits, spent, held))),
  }
}

function leftOf({ tokens, costUsd, toolCalls }: BudgetLimits, spent: Spent, held: Spent): BudgetLimits {
  return {
    ...(tokens !== undefined && { tokens: tokens - spent.tokens - held.tokens }),
    ...(costUsd !== undefined && { costUsd: costUsd - spent.costUsd - held.costUsd }),
    ...(toolCalls !== undefined && { toolCalls: toolCalls - spent.toolCalls }),
  }
}

function lowest(caps: readonly BudgetLimits[]): BudgetLimits {
  return caps.reduce((least, cap) => ({ ...least, ...lower(least, cap) }), {})
}

function lower(a: BudgetLimits, b: BudgetLimits): BudgetLimits {
  const keys = ['tokens', 'costUsd', 'toolCalls'] as const
  return Object.fromEntries(keys.flatMap((key) => (b[key] === undefined ? [] : [[key, Math.min(a[key] ?? Infinity, b[key])]])))
}

/** Other caps of a scope, which may be spent, have no say in tool calls. */
function onlyCalls({ toolCalls }: BudgetLimits): BudgetLimits {
  return toolCalls === undefined ? {} : { toolCalls }
}
