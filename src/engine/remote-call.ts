import { NO_USAGE } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { dropped } from '../util/never.ts'
import type { Loan, TreeBudget } from './budget.ts'
import type { ChildOutcome } from './context.ts'
import { type ElsewhereCall, runElsewhere } from './elsewhere.ts'

/**
 * Calls an agent of another store within what is left of its caller's budget, and counts what it reports. The run ends at
 * its limit, without being sent, where nothing is left.
 */
export async function runRemote(call: ElsewhereCall, budget: TreeBudget, signal: AbortSignal): Promise<ChildOutcome> {
  const { body } = call.start
  const loan = await lent(call, budget, signal)
  if (loan instanceof TroupeError) return { status: 'limit', error: loan.toJSON(), usage: NO_USAGE, runId: call.run }
  signal.addEventListener('abort', loan.release, { once: true }) // Nobody waits for it any more.
  if (signal.aborted) return dropped()
  const caps = { ...body.input.budget, ...loan.limits }
  const input = Object.keys(caps).length === 0 ? body.input : { ...body.input, budget: caps }
  const outcome = await runElsewhere({ ...call, start: { ...call.start, body: { ...body, input } } })
  await loan.settle(outcome.usage)
  return outcome
}

async function lent({ start }: ElsewhereCall, budget: TreeBudget, signal: AbortSignal): Promise<Loan | TroupeError> {
  try {
    return await budget.lend(start.body.input.budget ?? {}, signal)
  } catch (error) {
    if (signal.aborted) return dropped()
    if (TroupeError.is(error, 'budget/spent')) return error
    throw error
  }
}
