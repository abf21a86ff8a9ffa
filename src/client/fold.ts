import type { ErrorJson } from '../errors/troupe-error.ts'
import { callIdOf, callKeyOf, isEntry, type Entry, type EntryBodies, type Wait } from './entry.ts'
import { isInTree } from '../util/run-id.ts'
import { addUsage, NO_USAGE, type Usage } from './usage.ts'

/** What the models of a run have used, its managed agents included. */
export function usageOf(entries: readonly Entry[]): Usage {
  return entries.reduce((sum, entry) => {
    if (isEntry(entry, 'model-end')) return addUsage(sum, usageOfCall(entry.body))
    if (isEntry(entry, 'agent-end')) return addUsage(sum, entry.body.usage)
    return sum
  }, NO_USAGE)
}

/** What a model call has used, answered or failed. */
export function usageOfCall(body: EntryBodies['model-end']): Usage {
  return 'value' in body ? body.value.usage : (usageIn(body.error) ?? NO_USAGE)
}

/** What attempts that broke off have used, as their error tells it. */
export function usageIn({ details }: ErrorJson): Usage | undefined {
  const usage = details?.['usage']
  if (typeof usage !== 'object' || usage === null || !('inputTokens' in usage) || !('outputTokens' in usage)) return undefined
  const costUsd = 'costUsd' in usage ? { costUsd: Number(usage.costUsd) } : {}
  return { inputTokens: Number(usage.inputTokens), outputTokens: Number(usage.outputTokens), ...costUsd }
}

/**
 * What the models of a run and of all runs below it have used, by the logs of the whole tree: children that never reported are
 * counted, and those whose logs are in another store by what they reported.
 */
export function treeUsageOf(run: string, tree: readonly Entry[]): Usage {
  const here = new Set(tree.map((entry) => entry.run))
  const counts = (entry: Entry): boolean => entry.type === 'model-end' || (isEntry(entry, 'agent-end') && !here.has(entry.body.childRunId))
  return usageOf(tree.filter((entry) => isInTree(entry.run, run) && counts(entry)))
}

/** How many steps a run has begun. */
export function stepsOf(entries: readonly Entry[]): number {
  return entries.filter((entry) => entry.type === 'step-start').length
}

/** The topic of the signal that tells a run that one it called elsewhere has ended; the id of that follows. */
export const END_TOPIC = 'end:'

/** The questions of a run that nothing has answered yet, oldest first. */
export function openWaitsOf(entries: readonly Entry[]): readonly Wait[] {
  const answered = new Set(
    entries.filter((entry) => entry.type === 'approval-given' || entry.type === 'wait-end').map((entry) => entry.key),
  )
  const ended = new Set(entries.filter((entry) => entry.type === 'tool-end' || entry.type === 'call-settled').map((entry) => entry.key))
  return entries.flatMap((entry): Wait[] => {
    if (entry.key === undefined || answered.has(entry.key)) return []
    const callId = callIdOf(entry.run, entry.key)
    if (isEntry(entry, 'approval-wanted')) {
      if (ended.has(callKeyOf(entry.key))) return []
      return [{ callId, reason: entry.body.reason, question: entry.body.question }]
    }
    if (isEntry(entry, 'wait-start')) {
      if (entry.body.topic?.startsWith(END_TOPIC)) return [] // It waits for a run that it called, and that has questions of its own.
      return [{ callId, reason: entry.body.topic === undefined ? 'timer' : 'signal', question: entry.body.question ?? '' }]
    }
    return []
  })
}

/** Status of a run as its log tells it; whether a worker is on it, the log cannot say. */
export type LoggedStatus = 'running' | 'waiting' | 'done' | 'failed' | 'limit' | 'cancelled'

/** Ended: how. Else waiting, when parking was the last that its activation wrote; what has come since may have ended that. */
export function statusOf(entries: readonly Entry[]): LoggedStatus {
  const last = entries.findLast((entry) => entry.epoch > 0)
  const end = entries.findLast((entry) => entry.type === 'run-end')
  if (end && isEntry(end, 'run-end')) return end.body.status
  return last?.type === 'run-waiting' ? 'waiting' : 'running'
}
