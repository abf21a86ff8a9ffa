import { isEntry, type Entry, type NewEntry } from '../client/entry.ts'
import { stepsOf } from '../client/fold.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { isInTree } from '../util/run-id.ts'

/** A log as it is to begin. */
export interface NewLog {
  readonly run: string
  readonly start: NewEntry<'run-start'>
  readonly rest: readonly NewEntry[]
}

/**
 * The logs of a fork: the entries of a run before a step, under a new id, and with them the runs that it had called and that
 * had ended by then, those first. What was asked or answered from outside stays with the entries it belongs to. Throws
 * `run/not-found`, and `config/invalid` for a step that the run has not begun.
 */
export function forkOf(run: string, tree: readonly Entry[], step: number, newRun: string, at: string): readonly NewLog[] {
  const own = tree.filter((entry) => entry.run === run)
  const [start] = own
  if (!start || !isEntry(start, 'run-start')) throw new TroupeError('run/not-found', `no run ${run} in this store`)
  const steps = stepsOf(own)
  // A run that never came to its first step, such as one that expired in the queue, begins once more.
  const cut = steps === 0 && step === 1 ? 1 : own.findIndex((entry) => isEntry(entry, 'step-start') && entry.body.step === step)
  if (cut < 0) throw new TroupeError('config/invalid', `run ${run} has no step ${step} to fork before: it has steps 1 to ${steps}`)

  const before = own.slice(1, cut).filter(isKept)
  const called = before.flatMap((entry) => (isEntry(entry, 'agent-end') ? [entry.body.childRunId] : []))
  const rename = (id: string): string => `${newRun}${id.slice(run.length)}`
  const below = called.flatMap((child) => childLogs(child, tree)).map((log) => copyOf(log, rename, newRun))

  const { parentRunId: _, parentKey: __, budgets: ___, ...body } = start.body
  const fork = { ...body, rootRunId: newRun, forkedFrom: { run, step }, seedOf: start.body.seedOf ?? run }
  const first: NewEntry<'run-start'> = { key: 'start', at, type: 'run-start', body: fork }
  return [...below, { run: newRun, start: first, rest: before.map((entry) => renamed(entry, rename)) }]
}

/** The step in which a run failed or was cut short: the last that it has begun. */
export function lastStepOf(run: string, tree: readonly Entry[]): number {
  return stepsOf(tree.filter((entry) => entry.run === run))
}

/** The fork asks its own questions and is resumed on its own. */
function isKept(entry: Entry): boolean {
  return entry.type !== 'run-waiting' && entry.type !== 'adopted'
}

function childLogs(child: string, tree: readonly Entry[]): readonly (readonly Entry[])[] {
  const logs = Map.groupBy(
    tree.filter((entry) => isInTree(entry.run, child)),
    (entry) => entry.run,
  )
  return [...logs.values()].toReversed()
}

function copyOf(log: readonly Entry[], rename: (id: string) => string, root: string): NewLog {
  const [start, ...rest] = log
  if (!start || !isEntry(start, 'run-start'))
    throw new TroupeError('engine/log-corrupt', `a log below ${root} does not begin with run-start`)
  const { parentRunId } = start.body
  const body = {
    ...start.body,
    rootRunId: root,
    seedOf: start.body.seedOf ?? start.run,
    ...(parentRunId !== undefined && { parentRunId: rename(parentRunId) }),
  }
  return {
    run: rename(start.run),
    start: { key: 'start', at: start.at, type: 'run-start', body },
    rest: rest.map((entry) => renamed(entry, rename)),
  }
}

function renamed({ key, at, type, body }: Entry, rename: (id: string) => string): NewEntry {
  const copy = 'childRunId' in body ? { ...body, childRunId: rename(body.childRunId) } : body
  return { ...(key !== undefined && { key }), at, type, body: copy }
}
