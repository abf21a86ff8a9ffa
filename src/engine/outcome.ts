import { isEntry, type Entry, type EntryBodies, type RunInput } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { AgentOutcome, AgentRef, ChildOutcome, RunContext } from './context.ts'

/** The outcome of an agent's control flow; what it throws is the caller's or the system's fault and fails the run, unless it says that code and log do not fit. */
export async function settled(agent: AgentRef, input: RunInput, ctx: RunContext): Promise<Omit<EntryBodies['run-end'], 'usage' | 'steps'>> {
  try {
    const outcome: AgentOutcome = await agent.activate(input, ctx)
    return outcome
  } catch (error) {
    if (TroupeError.is(error, 'run/incompatible')) throw error
    if (TroupeError.is(error, 'budget/spent')) return { status: 'limit', error: error.toJSON() }
    return { status: 'failed', error: TroupeError.wrap(error, 'agent/failed').toJSON() }
  }
}

/** The body of a log's `run-end`. */
export function endOf(entries: readonly Entry[]): EntryBodies['run-end'] | undefined {
  const last = entries.findLast((entry) => entry.type === 'run-end')
  return last && isEntry(last, 'run-end') ? last.body : undefined
}

/** Whether every run below has ended, by the logs of the whole tree. */
export function isEndedBelow(root: string, tree: readonly Entry[]): boolean {
  const ended = new Set(tree.filter((entry) => entry.type === 'run-end').map((entry) => entry.run))
  return tree.every(({ run }) => run === root || ended.has(run))
}

/** What a run that was called gives its caller. */
export function outcomeOf(run: string, { status, output, error, usage }: EntryBodies['run-end']): ChildOutcome {
  return { status, usage, runId: run, ...(output !== undefined && { output }), ...(error && { error }) }
}

export function incompatible(run: string, missing: string | undefined): TroupeError {
  return new TroupeError(
    'run/incompatible',
    `run ${run} does not do again what its log says: '${missing}' was recorded and is not asked for. The agent's code has changed since; resume it with the version that began it, or adopt it (troupe resume --adopt)`,
    { details: { run, missing: missing ?? null } },
  )
}
