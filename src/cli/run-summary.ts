import { summaryOf } from '../client/project.ts'
import type { RunSummary } from '../client/event.ts'
import type { QueueState } from '../engine/queue.ts'
import type { RunView } from '../engine/run.ts'
import type { Runtime } from '../engine/runtime.ts'

/** What `runs ls` and `runs show` print of a run with `--json`: the fields of `run-end`, and which run it is. */
export interface RunLine extends Omit<RunSummary, 'status'> {
  readonly runId: string
  readonly agent: string
  readonly status: RunView['status'] | 'queued'
  readonly task: string
  readonly createdAt: string
  readonly parentRunId?: string
  readonly session?: string
  readonly tenant?: string
  readonly forkedFrom?: { readonly run: string; readonly step: number }
  /** How it stands in the queue; not there: it is not. */
  readonly queue?: Pick<QueueState, 'status' | 'priority' | 'attempts' | 'maxAttempts' | 'lastError'> & {
    readonly notBefore: string | null
  }
}

/** A run as its log and the queue tell it. */
export async function runLineOf(runtime: Runtime, view: RunView): Promise<RunLine> {
  const isOpen = view.status === 'running' || view.status === 'waiting'
  return runLine(view, isOpen ? await runtime.queued(view.runId) : null)
}

export function runLine(view: RunView, queue: QueueState | null = null): RunLine {
  const { runId, agent, task, createdAt, parentRunId, session, tenant, forkedFrom } = view
  const { status: _, ...summary } = summaryOf({ ...view, status: 'waiting' })
  return {
    runId,
    agent,
    status: statusOf(view, queue),
    task,
    createdAt,
    ...(parentRunId !== undefined && { parentRunId }),
    ...(session !== undefined && { session }),
    ...(tenant !== undefined && { tenant }),
    ...(forkedFrom && { forkedFrom }),
    ...summary,
    ...(queue && { queue: placeOf(queue) }),
  }
}

/** What nobody has taken yet is queued, and so is what broke: the log of neither says so. */
function statusOf({ status }: RunView, queue: QueueState | null): RunLine['status'] {
  if (queue?.status === 'dead' || (queue?.status === 'queued' && status === 'running')) return 'queued'
  return queue?.status === 'parked' ? 'waiting' : status
}

function placeOf({ status, priority, attempts, maxAttempts, lastError, notBefore }: QueueState): NonNullable<RunLine['queue']> {
  return { status, priority, attempts, maxAttempts, lastError, notBefore: notBefore === null ? null : new Date(notBefore).toISOString() }
}
