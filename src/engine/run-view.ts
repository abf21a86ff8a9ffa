import { isEntry, type Entry } from '../client/entry.ts'
import { openWaitsOf, statusOf, stepsOf, treeUsageOf } from '../client/fold.ts'
import { NO_USAGE } from '../client/usage.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { RunHead } from './engine.ts'
import type { RunView } from './run.ts'

/** Folds the logs of a tree into a view of its root; waits are those of the whole tree. Throws `run/not-found`. */
export function viewOf(run: string, tree: readonly Entry[]): RunView {
  const logs = Map.groupBy(tree, (entry) => entry.run)
  const own = logs.get(run) ?? []
  const start = own[0]
  if (!start || !isEntry(start, 'run-start')) throw new TroupeError('run/not-found', `no run ${run} in this store`)

  const end = own.findLast((entry) => entry.type === 'run-end')
  const body = end && isEntry(end, 'run-end') ? end.body : undefined
  const openLogs = [...logs.values()].filter((entries) => !entries.some((entry) => entry.type === 'run-end'))
  const waits = body ? [] : openLogs.flatMap(openWaitsOf)
  const status = statusOf(own)
  const { agent, input, parentRunId, tenant, forkedFrom } = start.body
  return {
    runId: run,
    agent,
    task: input.task,
    ...(parentRunId !== undefined && { parentRunId }),
    ...(input.session !== undefined && { session: input.session }),
    ...(tenant !== undefined && { tenant }),
    ...(forkedFrom && { forkedFrom }),
    status: status === 'waiting' && waits.length === 0 ? 'running' : status,
    output: body?.output ?? null,
    error: body?.error ?? null,
    usage: body?.usage ?? treeUsageOf(run, tree),
    steps: stepsOf(own),
    waits,
    createdAt: start.at,
  }
}

/** What a list shows of a run whose log cannot be read. Throws what is no fault of that log. */
export function damagedView({ run, start }: RunHead, error: unknown): RunView {
  if (!TroupeError.is(error, 'engine/log-corrupt') || !isEntry(start, 'run-start')) throw TroupeError.wrap(error, 'engine/store-failed')
  const { agent, input } = start.body
  return {
    runId: run,
    agent,
    task: input.task,
    status: 'failed',
    output: null,
    error: error.toJSON(),
    usage: NO_USAGE,
    steps: 0,
    waits: [],
    createdAt: start.at,
  }
}
