import { isEntry, type Entry, type LoanBody } from '../client/entry.ts'
import { END_TOPIC } from '../client/fold.ts'
import { NO_USAGE } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { isInTree } from '../util/run-id.ts'
import { dropped } from '../util/never.ts'
import type { Loan, TreeBudget } from './budget.ts'
import type { ChildOutcome } from './context.ts'
import { type ElsewhereCall, runElsewhere } from './elsewhere.ts'

export interface RemoteCall extends ElsewhereCall {
  readonly budget: TreeBudget
  /** What an earlier activation lent for this call, by the log. */
  readonly lent: LoanBody | undefined
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal
  /** Writes what is lent, before anything is sent. */
  begin(loan: LoanBody): Promise<void>
}

/**
 * Calls an agent of another store within what is left of its caller's budget, and counts what it reports. The run ends at
 * its limit, without being sent, where nothing is left. What it was lent is in the caller's log: whoever goes on with the caller
 * holds the same, sends the same and charges it once.
 */
export async function runRemote(call: RemoteCall): Promise<ChildOutcome> {
  const { start, signal, lent, budget } = call
  const loan = lent ? budget.lentBefore(call.run, lent, lent.ticket) : await lend(call)
  if (loan instanceof TroupeError) return { status: 'limit', error: loan.toJSON(), usage: NO_USAGE, runId: call.run }
  signal.addEventListener('abort', loan.release, { once: true })
  if (signal.aborted) {
    loan.release()
    return dropped()
  }
  if (!lent) await call.begin({ ...loan.limits, ...(loan.ticket !== undefined && { ticket: loan.ticket }) })
  const caps = { ...start.body.input.budget, ...loan.limits }
  const input = Object.keys(caps).length === 0 ? start.body.input : { ...start.body.input, budget: caps }
  const outcome = await runElsewhere({ ...call, start: { ...start, body: { ...start.body, input } } })
  if (signal.aborted) return dropped()
  await call.during(() => loan.settle(outcome.usage))
  return outcome
}

async function lend({ run, start, budget, signal, during }: RemoteCall): Promise<Loan | TroupeError> {
  try {
    return await budget.lend({ run, asked: start.body.input.budget ?? {}, during }, signal)
  } catch (error) {
    if (signal.aborted) return dropped()
    if (TroupeError.is(error, 'budget/spent')) return error
    throw error
  }
}

/** What the runs of a tree have lent to agents in other stores that have not come back yet, each by the run that has it. */
export function openLoans(tree: readonly Entry[]): readonly (readonly [run: string, loan: LoanBody])[] {
  const ended = new Set(tree.flatMap((entry) => (entry.type === 'run-end' ? [entry.run] : [])))
  const back = new Set(tree.flatMap((entry) => (isEntry(entry, 'agent-end') ? [entry.body.childRunId] : [])))
  return tree.flatMap((entry) => {
    if (!isEntry(entry, 'wait-start') || !entry.body.loan || ended.has(entry.run)) return []
    const run = entry.body.topic?.slice(END_TOPIC.length) ?? ''
    return back.has(run) || !isInTree(run, entry.run) ? [] : [[run, entry.body.loan] as const] // A fork sends for agents of its own.
  })
}
