import { summaryOf } from '../client/project.ts'
import type { RunSummary } from '../client/event.ts'
import type { RunView } from '../engine/run.ts'

/** What `runs ls` and `runs show` print of a run with `--json`: the fields of `run-end`, and which run it is. */
export interface RunLine extends Omit<RunSummary, 'status'> {
  readonly runId: string
  readonly agent: string
  readonly status: RunView['status']
  readonly task: string
  readonly createdAt: string
  readonly parentRunId?: string
  readonly session?: string
  readonly tenant?: string
}

export function runLine(view: RunView): RunLine {
  const { runId, agent, task, createdAt, parentRunId, session, tenant, status } = view
  const { status: _, ...summary } = summaryOf({ ...view, status: 'waiting' })
  return {
    runId,
    agent,
    status,
    task,
    createdAt,
    ...(parentRunId !== undefined && { parentRunId }),
    ...(session !== undefined && { session }),
    ...(tenant !== undefined && { tenant }),
    ...summary,
  }
}
