import type { RunInput } from '../client/entry.ts'
import type { EventOf, EventType, RunEvent } from '../client/event.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { BudgetLimits } from './budget.ts'
import type { AgentRef } from './context.ts'
import { QUEUE_DEFAULTS, type QueueItem } from './queue.ts'

export interface RunOptions {
  /** JSON values that model-written code finds as global variables. */
  readonly context?: JsonObject
  /** Data URLs or https URLs. */
  readonly images?: readonly string[]
  readonly maxSteps?: number
  /**
   * Makes this run one of a session: it sees what the ended runs of the same tenant, agent and id have done. Throws
   * `session/busy` while another run of the session has not ended.
   */
  readonly session?: string
  /** Of the session take over the words alone, not the variables. Default false. */
  readonly freshSandbox?: boolean
  /** Caps on the run and all agents that it calls, together. */
  readonly budget?: BudgetLimits
  readonly tenant?: string
  /** Called with each event of its type, of the whole tree; `all` with every one. One that throws is noted in the log and changes nothing. */
  readonly on?: EventHandlers
  /** Cancels the run when aborted. */
  readonly signal?: AbortSignal
  /** The id of the new run: letters, digits and `_`. Default: a new one. */
  readonly runId?: string
}

/** How a run stands in the queue. */
export interface QueueOptions {
  /** From 0; the lower number first, among the runs of one tenant. Default 100. */
  readonly priority?: number
  /** A second run of the same tenant and key is refused with `queue/duplicate`, as long as the first one's log is kept. */
  readonly dedupKey?: string
  /** Not before so many milliseconds from now. */
  readonly delayMs?: number
  /** A run that has not started by then ends as `failed` with `queue/expired`. */
  readonly expiresInMs?: number
  /** How often the run is taken, when workers die or its store fails, before it is a dead letter. Default 5. */
  readonly maxAttempts?: number
}

export type EventHandlers = { readonly [Type in EventType]?: (event: EventOf<Type>) => unknown } & {
  readonly all?: (event: RunEvent) => unknown
}

export interface Decision {
  /** Who decided, for the log. Default `user`. */
  readonly by?: string
  readonly reason?: string
  /** With an approval: the call had happened, with this result. */
  readonly result?: JsonValue
}

export interface ResumeOptions {
  /** Go on with the agent at hand, though another version began the run; what its code does not ask for again is passed over. */
  readonly adopt?: boolean
  /** Take the run from a process that lives. What that one has under way may happen twice. */
  readonly takeOver?: boolean
}

/** What the log keeps of the options. */
export function inputOf(task: string, { context, images, maxSteps, session, freshSandbox, budget }: RunOptions): RunInput {
  return {
    task,
    ...(context && { context }),
    ...(images && { images }),
    ...(maxSteps !== undefined && { maxSteps }),
    ...(session !== undefined && { session }),
    ...(freshSandbox !== undefined && { freshSandbox }),
    ...(budget && { budget }),
  }
}

/** Whether a run is to wait for its turn. */
export function isQueued({ priority, dedupKey, delayMs, expiresInMs, maxAttempts }: QueueOptions): boolean {
  return [priority, dedupKey, delayMs, expiresInMs, maxAttempts].some((option) => option !== undefined)
}

/** The place in the queue that the options ask for. Throws `config/invalid`. */
export function itemOf(run: string, agent: AgentRef, options: RunOptions & QueueOptions, now: number): QueueItem {
  const { tenant = '', priority = QUEUE_DEFAULTS.priority, dedupKey = null, delayMs = 0, expiresInMs } = options
  const { maxAttempts = QUEUE_DEFAULTS.maxAttempts } = options
  refuseUnless('priority', priority, Number.isInteger(priority) && priority >= 0 && priority < 2 ** 31, 'a whole number from 0 on')
  refuseUnless('delayMs', delayMs, Number.isFinite(delayMs) && delayMs >= 0, 'milliseconds from 0 on')
  refuseUnless('expiresInMs', expiresInMs ?? 1, Number.isFinite(expiresInMs ?? 1) && (expiresInMs ?? 1) > 0, 'milliseconds above 0')
  refuseUnless('maxAttempts', maxAttempts, Number.isInteger(maxAttempts) && maxAttempts > 0, 'a whole number above 0')
  return {
    run,
    agent: agent.name,
    tenant,
    model: agent.modelId ?? '',
    priority,
    notBefore: delayMs > 0 ? Math.round(now + delayMs) : null,
    expiresAt: expiresInMs === undefined ? null : Math.round(now + expiresInMs),
    dedupKey,
    maxAttempts,
    isChild: false,
  }
}

function refuseUnless(name: string, value: number, isRight: boolean, what: string): void {
  if (!isRight) throw new TroupeError('config/invalid', `${name} is ${value}: it has to be ${what}`)
}
