import { isEntry, type Entry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import type { Activity } from './activity.ts'
import { TreeBudget } from './budget.ts'
import type { PastRun, RunContext } from './context.ts'
import type { EffectScope, LogStore } from './engine.ts'
import { Inbox } from './inbox.ts'
import { refusingWriter } from './log-writer.ts'
import { Recorded } from './recorded.ts'
import { createRunContext } from './run-context.ts'
import type { Parkable } from './snapshots.ts'
import { Turns } from './turns.ts'

/** What the contexts of earlier runs share with the activation that looks back on them. */
export interface PastParts {
  readonly store: LogStore
  readonly rootRunId: string
  readonly clock: Clock
  readonly effects: EffectScope
  readonly signal: AbortSignal
  readonly activity: Activity
  isClosed(): boolean
  own<T extends Parkable>(run: string, open: () => Promise<T>): Promise<T>
}

/** Contexts over the logs of the session's earlier runs; a log that is gone is left out. */
export async function historyOf(recorded: Recorded, parts: PastParts): Promise<readonly PastRun[]> {
  const past: PastRun[] = []
  for (const run of recorded.find('run-start', 'start')?.body.sessionRuns ?? []) {
    const entries = await parts.store.read(run)
    const [first] = entries
    if (first && isEntry(first, 'run-start')) past.push({ input: first.body.input, ctx: pastContext(run, entries, parts) })
  }
  return past
}

function pastContext(run: string, entries: readonly Entry[], parts: PastParts): RunContext {
  const { rootRunId, clock, effects, signal, activity } = parts
  const recorded = new Recorded(entries)
  return createRunContext({
    runId: run,
    rootRunId,
    signal,
    clock,
    recorded,
    writer: refusingWriter(run),
    turns: new Turns(recorded.turns()),
    inbox: new Inbox(clock, entries),
    activity,
    effects,
    budget: new TreeBudget({}),
    isPast: true,
    history: () => Promise.resolve([]),
    isClosed: () => parts.isClosed(),
    isWatched: () => false,
    live: () => {},
    during: (work) => activity.during(work),
    own: (open) => parts.own(run, open),
    runChild: () => Promise.reject(new TroupeError('run/ended', `run ${run} has ended`)),
    endChild: () => {},
  })
}
