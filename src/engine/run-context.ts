import type { EntryBodies, EntryType, Memo, RunInput } from '../client/entry.ts'
import type { TransientEvent } from '../client/event.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import { detach } from '../util/detach.ts'
import type { JsonValue } from '../util/json.ts'
import { jsonCopy } from '../util/json-copy.ts'
import { dropped } from '../util/never.ts'
import { childRunId } from '../util/run-id.ts'
import { openActionLog } from './action-log.ts'
import type { Activity } from './activity.ts'
import type { Budget } from './budget.ts'
import type { ActionLog, AgentRef, ChildOutcome, EffectContext, RunContext, StepOptions, WaitOptions, PastRun } from './context.ts'
import type { EffectScope } from './engine.ts'
import type { Inbox } from './inbox.ts'
import type { Writer } from './log-writer.ts'
import { isCallKey, nameOf, type Recorded } from './recorded.ts'
import type { Parkable, RunSnapshot } from './snapshots.ts'
import type { Turns } from './turns.ts'

/** What one run of an activation stands on; `runTree` opens it. */
export interface RunContextParts {
  readonly runId: string
  readonly rootRunId: string
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly recorded: Recorded
  readonly writer: Writer
  readonly turns: Turns
  readonly inbox: Inbox
  readonly activity: Activity
  readonly effects: EffectScope
  readonly budget: Budget
  /** Set for an ended run that is only looked back on. */
  readonly isPast: boolean
  isClosed(): boolean
  /** Called with every step that the code asks for, be it known already. */
  observe?(key: string, asked: unknown): void
  /** Whether anybody listens to what streams. */
  isWatched(): boolean
  live(event: TransientEvent): void
  history(): Promise<readonly PastRun[]>
  during<T>(work: () => Promise<T>): Promise<T>
  readonly snapshot?: RunSnapshot
  own<T extends Parkable>(open: () => Promise<T>): Promise<T>
  /** Ends a child over the head of its code, if it is open. */
  endChild(childRunId: string, reason: TroupeError): void
  runChild(childRunId: string, agent: AgentRef, input: RunInput, key: string): Promise<ChildOutcome>
}

/** The engine's half of `RunContext`: answers from the log what it knows, and does and logs the rest. */
export function createRunContext(parts: RunContextParts): RunContext {
  const { runId, recorded, writer, turns, activity, effects } = parts
  /** What is being written, by type and key. */
  const writing = new Set<string>()

  const refuseNested = (): void => {
    if (effects.active() !== parts.rootRunId) return
    throw new TroupeError(
      'engine/nested',
      `the context of run ${runId} was used inside one of its own effects: an effect must not touch it`,
    )
  }
  const refusePast = (key: string): void => {
    if (parts.isPast) throw new TroupeError('run/ended', `the log of run ${runId} ends before '${key}'`)
  }
  /** Live effects start only when everything recorded has been answered; calls of an action have an order of their own. */
  const untilLive = async (key: string): Promise<void> => {
    refusePast(key)
    if (!isCallKey(key)) await turns.live()
  }
  const write = async <Type extends EntryType>(type: Type, key: string, body: EntryBodies[Type]): Promise<void> => {
    const name = nameOf(type, key)
    writing.add(name)
    await activity.during(() => writer.append([writer.entry(type, key, body)]))
    writing.delete(name)
  }
  /** Writes the memo of an operation and waits for its turn to be settled. */
  const settle = async <Type extends EntryType>(type: Type, key: string, body: EntryBodies[Type]): Promise<void> => {
    await write(type, key, body)
    if (!isCallKey(key)) await turns.next()
  }
  const contextOf = (key: string): EffectContext => ({
    idempotencyKey: `${runId}:${key}`,
    signal: parts.signal,
    isWatched: parts.isWatched(),
    live: parts.live,
  })
  /** Code of a run that was stopped, parked or cancelled may go on for a while: it has no effects any more. */
  const perform = async <T>(key: string, effect: (o: EffectContext) => Promise<T>): Promise<T> => {
    refusePast(key)
    return parts.isClosed() ? dropped() : effects.run(parts.rootRunId, () => effect(contextOf(key)))
  }

  // The store keeps the order of what it is given, and no run goes on past a failed append: so nobody has to wait.
  const emit: RunContext['emit'] = async (key, type, body) => {
    refuseNested()
    const name = nameOf(type, key)
    if (recorded.find(type, key) || writing.has(name)) return
    writing.add(name)
    await untilLive(key)
    detach(write(type, key, body))
  }

  return {
    runId,
    signal: parts.signal,
    budget: parts.budget,
    emit,

    async step<T>(key: string, effect: (o: EffectContext) => Promise<T>, options: StepOptions = {}): Promise<T> {
      refuseNested()
      parts.observe?.(key, options.asked)
      const type = options.type ?? 'effect'
      const known = recorded.find(type, key)
      if (known) {
        if (!isCallKey(key)) await turns.recorded(nameOf(type, key))
        return valueOf<T>(known.body as Memo)
      }
      await untilLive(key)
      const memo = await activity.during(() => attempt(parts.clock, () => perform(key, effect)))
      if (parts.isClosed()) return dropped()
      await settle(type, key, { ...options.fields, ...memo } as EntryBodies[typeof type])
      return valueOf<T>(memo)
    },

    async child(key: string, agent: AgentRef, input: RunInput, signal?: AbortSignal): Promise<ChildOutcome> {
      refuseNested()
      const run = childRunId(runId, key)
      const known = recorded.find('agent-end', key)
      if (known) {
        if (!isCallKey(key)) await turns.recorded(nameOf('agent-end', key))
        return childOutcome(known.body)
      }
      await emit(key, 'agent-start', { agent: agent.name, childRunId: run })
      const stop = (): void => parts.endChild(run, new TroupeError('run/cancelled', `run ${runId} does not wait for this run any more`))
      if (signal?.aborted) stop()
      else signal?.addEventListener('abort', stop, { once: true })
      const { status, usage, output, error } = await parts.runChild(run, agent, input, key)
      signal?.removeEventListener('abort', stop)
      const body = { agent: agent.name, childRunId: run, status, usage, ...(output !== undefined && { output }), ...(error && { error }) }
      await settle('agent-end', key, body)
      return childOutcome(body)
    },

    async wait(key: string, options: WaitOptions): Promise<JsonValue> {
      refuseNested()
      const known = recorded.find('wait-end', key)
      if (known) {
        if (!isCallKey(key)) await turns.recorded(nameOf('wait-end', key))
        return known.body.value
      }
      refusePast(key)
      if (options.approval) await emit(key, 'approval-wanted', options.approval)
      else await emit(key, 'wait-start', questionOf(options))
      const arrival = await parts.inbox.answer(key, options)
      if (parts.isClosed()) return dropped()
      await settle('wait-end', key, arrival)
      return arrival.value
    },

    async action(step: number): Promise<ActionLog> {
      refuseNested()
      const at = recorded.find('step-start', String(step))?.at
      if (at === undefined) throw new TroupeError('internal/unreachable', `step ${step} of run ${runId} has an action but no start`)
      const seedOf = recorded.find('run-start', 'start')?.body.seedOf ?? runId
      return openActionLog({ seedOf, step, clock: Date.parse(at), recorded, writer, activity, inbox: parts.inbox, perform })
    },

    history: () => parts.history(),
    during: (work) => parts.during(work),
    ...(parts.snapshot && { snapshot: parts.snapshot }),
    own: (open) => activity.during(() => parts.own(open)),
  }
}

/** Runs an effect and gives its memo; what it threw becomes the memo's error. */
async function attempt<T>(clock: Clock, effect: () => Promise<T>): Promise<Memo> {
  const begun = clock.now()
  try {
    // What the log will give back of it, so that the code sees the same live and in replay. Throws when it is no JSON.
    const value = jsonCopy(await effect())
    return { value, durationMs: clock.now() - begun }
  } catch (error) {
    return { error: TroupeError.wrap(error, 'agent/failed').toJSON(), durationMs: clock.now() - begun }
  }
}

function valueOf<T>(memo: Memo): T {
  if ('error' in memo) throw TroupeError.from(memo.error)
  return memo.value as T
}

function childOutcome({ status, usage, childRunId, output, error }: EntryBodies['agent-end']): ChildOutcome {
  return { status, usage, runId: childRunId, ...(output !== undefined && { output }), ...(error && { error }) }
}

function questionOf(options: WaitOptions): EntryBodies['wait-start'] {
  const { topic, until, question } = options
  return { ...(topic !== undefined && { topic }), ...(until !== undefined && { until }), ...(question !== undefined && { question }) }
}
