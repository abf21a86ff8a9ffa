import type { NewEntry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { JsonValue } from '../util/json.ts'
import type { AgentRef, ChildOutcome, Placement } from './context.ts'
import type { LogStore } from './engine.ts'
import { endOf, outcomeOf } from './outcome.ts'
import { endTopic, QUEUE_DEFAULTS } from './queue.ts'

/** A call of an agent that does not run in the caller's activation. */
export interface ElsewhereCall {
  readonly run: string
  readonly agent: AgentRef
  readonly placement: Placement
  readonly caller: { readonly run: string; readonly tenant: string | undefined }
  readonly start: NewEntry<'run-start'>
  /** No log of it is in this store yet. */
  readonly isNew: boolean
  readonly store: LogStore
  /** Waits in the caller's run for a signal, under a key of its log. */
  wait(key: string, topic: string): Promise<JsonValue>
  during<T>(work: () => Promise<T>): Promise<T>
}

/** The key under which a run waits for a run that it called with `key`. */
export function elsewhereKey(key: string): string {
  return `${key}.end`
}

/** Hands a run to a worker of this store or to another one, and waits for its end. What was handed over before is not doubled. */
export async function runElsewhere(call: ElsewhereCall): Promise<ChildOutcome> {
  const { run, agent, placement, caller, start, store } = call
  if (placement.type === 'queue') await call.during(() => enqueued(call))
  else {
    const { input } = start.body
    const tenant = caller.tenant === undefined ? {} : { tenant: caller.tenant }
    await call.during(() => placement.send({ run, parentRun: caller.run, agent: agent.name, input, ...tenant }))
  }
  const value = await call.wait(elsewhereKey(start.body.parentKey ?? ''), endTopic(run))
  if (value !== null) return parsedOutcome(run, value)
  const end = endOf(await call.during(() => store.read(run)))
  if (end) return outcomeOf(run, end)
  throw new TroupeError('engine/log-corrupt', `run ${run} was said to have ended, but its log has no run-end`)
}

async function enqueued({ run, agent, caller, start, isNew, store }: ElsewhereCall): Promise<void> {
  if (!isNew) return
  const item = {
    run,
    agent: agent.name,
    tenant: caller.tenant ?? '',
    model: agent.modelId ?? '',
    priority: QUEUE_DEFAULTS.priority,
    notBefore: null,
    expiresAt: null,
    dedupKey: null,
    maxAttempts: QUEUE_DEFAULTS.maxAttempts,
    isChild: true,
  }
  try {
    await store.queue.enqueue(start, item)
  } catch (error) {
    if (!TroupeError.is(error, 'engine/duplicate-key')) throw error // Else it was enqueued before, by a twin of this activation.
  }
}

const STATUSES: ReadonlySet<unknown> = new Set(['done', 'failed', 'limit', 'cancelled'])

/** What came from another store: shapes are looked at before they are believed. */
function parsedOutcome(run: string, value: JsonValue): ChildOutcome {
  const outcome = value as Partial<ChildOutcome> | null
  const usage = outcome?.usage
  if (typeof outcome !== 'object' || !STATUSES.has(outcome?.status) || typeof usage?.inputTokens !== 'number') {
    const error = new TroupeError(
      'agent/failed',
      `run ${run} was answered with something that is no outcome: ${JSON.stringify(value).slice(0, 200)}`,
    )
    return { status: 'failed', error: error.toJSON(), usage: { inputTokens: 0, outputTokens: 0 }, runId: run }
  }
  return { ...(outcome as ChildOutcome), runId: run }
}
