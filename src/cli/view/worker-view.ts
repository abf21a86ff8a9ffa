import type { Wait } from '../../client/entry.ts'
import type { RunSummary } from '../../client/event.ts'
import type { RunView } from '../../engine/run.ts'
import type { ErrorJson } from '../../errors/troupe-error.ts'
import type { EdgesTold } from '../edges.ts'
import { assertNever } from '../../util/assert-never.ts'
import { printJson, printLine } from '../output.ts'
import { oneLine, plural, usageText } from '../text.ts'

/** What a worker tells, one line each. */
export type WorkerLine =
  | {
      readonly type: 'worker-start'
      readonly at: string
      readonly store: string
      readonly concurrency: number
      /** Absent where the configuration names nothing to do with a broker. */
      readonly amqp?: EdgesTold
    }
  | { readonly type: 'run-taken'; readonly at: string; readonly runId: string; readonly agent: string; readonly attempt: number }
  | {
      readonly type: 'run-left'
      readonly at: string
      readonly runId: string
      readonly agent: string
      /** `queued`: it has not ended and is taken again, here or elsewhere. `dead`: only a person can say how it goes on. */
      readonly status: RunView['status'] | 'queued' | 'dead'
      readonly steps: number
      readonly usage: RunSummary['usage']
      readonly error: Pick<ErrorJson, 'code' | 'message'> | null
      readonly waits?: readonly Wait[]
    }
  | { readonly type: 'worker-drain'; readonly at: string; readonly running: number; readonly graceMs: number }
  | { readonly type: 'worker-end'; readonly at: string }

/** Writes what a worker tells: one JSON object a line, or lines for people. */
export function workerView(json: boolean): (line: WorkerLine) => Promise<void> {
  return json ? printJson : async (line) => printLine(textOf(line))
}

function textOf(line: WorkerLine): string {
  switch (line.type) {
    case 'worker-start':
      return `takes runs from ${line.store}, ${line.concurrency} at once; SIGTERM or Ctrl-C drains${line.amqp ? `\n${edgesText(line.amqp)}` : ''}`
    case 'run-taken':
      return `→ ${line.runId} ${line.agent}${line.attempt > 1 ? `, attempt ${line.attempt}` : ''}`
    case 'run-left': {
      const why = line.error ? `; ${line.error.code}: ${oneLine(line.error.message)}` : ''
      const waits = (line.waits ?? []).map(({ callId, reason }) => `; ${callId} (${reason})`).join('')
      return `← ${line.runId} ${line.agent} ${line.status}: ${plural(line.steps, 'step')}, ${usageText(line.usage)}${why}${waits}`
    }
    case 'worker-drain':
      return `takes no more; ${plural(line.running, 'run')} may go on for ${line.graceMs / 1000} s`
    case 'worker-end':
      return 'drained'
    default:
      return assertNever(line)
  }
}

function edgesText({ broker, tasks, serves, results, events }: EdgesTold): string {
  const does = [
    ...(tasks === null ? [] : [`takes tasks from ${tasks}`]),
    ...(serves.length === 0 ? [] : [`serves ${serves.join(', ')}`]),
    ...(results === null ? [] : [`receives results for ${results}`]),
    ...(events === null ? [] : [`publishes events to ${events}`]),
  ]
  return `at ${broker}: ${does.join('; ')}`
}
