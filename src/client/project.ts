import type { JsonValue } from '../util/json.ts'
import { callIdOf, isEntry, type Entry } from './entry.ts'
import type { RunEvent, RunSummary } from './event.ts'
import { NO_USAGE, type Usage } from './usage.ts'

/** What an event says of its run besides what the entry holds. */
export interface EventSource {
  readonly agent: string
  readonly parentRunId?: string
}

/** The public event that an entry shows as, or null for entries that only the engine reads. */
export function eventOf(entry: Entry, source: EventSource): RunEvent | null {
  const head = {
    at: entry.at,
    runId: entry.run,
    agent: source.agent,
    ...(source.parentRunId !== undefined && { parentRunId: source.parentRunId }),
    seq: entry.seq,
  }
  const callId = callIdOf(entry.run, entry.key ?? '')

  if (isEntry(entry, 'run-start')) return { type: 'run-start', ...head, task: entry.body.input.task }
  if (isEntry(entry, 'run-waiting'))
    return { type: 'run-waiting', ...head, ...summaryOf({ status: 'waiting', ...entry.body }), status: 'waiting', waits: entry.body.waits }
  if (isEntry(entry, 'run-end')) return { type: 'run-end', ...head, ...summaryOf(entry.body), status: entry.body.status }
  if (isEntry(entry, 'step-start')) return { type: 'step-start', ...head, ...entry.body }
  if (isEntry(entry, 'step-end')) return { type: 'step-end', ...head, ...entry.body }
  if (isEntry(entry, 'model-end')) return modelEnd(entry, head)
  if (isEntry(entry, 'code')) return { type: 'code', ...head, ...entry.body }
  if (isEntry(entry, 'print')) return { type: 'print', ...head, ...entry.body }
  if (isEntry(entry, 'policy')) return { type: 'policy', ...head, callId, ...entry.body }
  if (isEntry(entry, 'tool-start')) return { type: 'tool-start', ...head, callId, tool: entry.body.tool, args: parsed(entry.body.args) }
  if (isEntry(entry, 'tool-end')) {
    const { tool, answer, durationMs } = entry.body
    return {
      type: 'tool-end',
      ...head,
      callId,
      tool,
      ...(answer.ok ? { output: parsed(answer.value) } : { error: answer.error }),
      durationMs,
    }
  }
  if (isEntry(entry, 'approval-wanted')) return { type: 'approval-wanted', ...head, callId, ...entry.body }
  if (isEntry(entry, 'approval-given')) return { type: 'approval-given', ...head, callId, decision: entry.body.decision, by: entry.body.by }
  if (isEntry(entry, 'agent-start')) return { type: 'agent-start', ...head, callId, ...entry.body }
  if (isEntry(entry, 'agent-end')) {
    const { agent, childRunId, status } = entry.body
    return { type: 'agent-end', ...head, callId, agent, childRunId, status }
  }
  if (isEntry(entry, 'plan')) return { type: 'plan', ...head, ...entry.body }
  if (isEntry(entry, 'state')) return { type: 'state', ...head, ...entry.body }
  if (isEntry(entry, 'task-assigned')) return { type: 'task-assigned', ...head, ...entry.body }
  if (isEntry(entry, 'task-done')) return { type: 'task-done', ...head, ...entry.body }
  if (isEntry(entry, 'task-rejected')) return { type: 'task-rejected', ...head, ...entry.body }
  if (isEntry(entry, 'budget')) return { type: 'budget', ...head, ...entry.body }
  if (isEntry(entry, 'log')) return { type: 'log', ...head, ...entry.body }
  return null
}

interface SummarySource extends Partial<Pick<RunSummary, 'error' | 'waits'>> {
  readonly status: RunSummary['status']
  readonly output?: JsonValue
  readonly usage: Usage
  readonly steps: number
}

/** The fields that `run-end`, `run-waiting`, the CLI's last line and `GET /v1/runs/{id}` share. */
export function summaryOf(source: SummarySource): RunSummary {
  const { inputTokens, outputTokens, costUsd } = source.usage
  return {
    status: source.status,
    output: source.output ?? null,
    usage: { inputTokens, outputTokens, costUsd: costUsd ?? null },
    steps: source.steps,
    error: source.error ?? null,
    ...(source.waits && { waits: source.waits }),
  }
}

function modelEnd(entry: Entry<'model-end'>, head: EventHead): RunEvent {
  const { step } = entry.body
  if ('error' in entry.body) return { type: 'model-end', ...head, step, text: '', usage: NO_USAGE, model: '', error: entry.body.error }
  const { text, usage, modelId } = entry.body.value
  return { type: 'model-end', ...head, step, text, usage, model: modelId }
}

type EventHead = Pick<RunEvent, 'at' | 'runId' | 'agent' | 'parentRunId' | 'seq'>

function parsed(text: string): JsonValue {
  return JSON.parse(text) as JsonValue
}
