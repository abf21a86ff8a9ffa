import { callKeyOf, isEntry, type Entry } from '../client/entry.ts'
import { openWaitsOf } from '../client/fold.ts'
import { TroupeError } from '../errors/troupe-error.ts'

/** Where a decision has to be written: the run that waits, and the key of its wait. */
export interface DecisionPlace {
  readonly run: string
  readonly key: string
}

/**
 * Finds the approval that a person means: by call id, or the only one that is open in the tree. Throws `run/not-found`,
 * `run/not-waiting`, or `run/already-decided`, each naming what is open.
 */
export function decisionPlace(root: string, tree: readonly Entry[], callId?: string): DecisionPlace {
  if (tree.length === 0) throw new TroupeError('run/not-found', `no run ${root} in this store`)
  const logs = [...Map.groupBy(tree, (entry) => entry.run).values()]
  const live = logs.filter((entries) => !entries.some((entry) => entry.type === 'run-end'))
  const open = live.flatMap((entries) =>
    openWaitsOf(entries).filter((wait) => wait.reason === 'approval' || wait.reason === 'unknown-outcome'),
  )
  const named = callId === undefined ? undefined : callId.includes(':') ? callId : `${root}:${callId}`
  const meant = named === undefined ? open : open.filter((wait) => wait.callId === named)

  const [wait, second] = meant
  if (wait && !second) return placeOf(tree, wait.callId)
  const list = open.map((wait) => wait.callId).join(', ') || 'none'
  if (second) throw new TroupeError('run/not-waiting', `run ${root} waits for several approvals, name one of: ${list}`)
  if (named !== undefined && isDecided(tree, named)) throw new TroupeError('run/already-decided', `call ${named} was decided already`)
  throw new TroupeError('run/not-waiting', `run ${root} waits for no approval${named === undefined ? '' : ` of ${named}`}; open: ${list}`)
}

/** Whether the log of a run has the decision of one of its waits. */
export function isDecidedIn(log: readonly Entry[], key: string): boolean {
  return log.some((entry) => entry.type === 'approval-given' && entry.key === key)
}

function placeOf(tree: readonly Entry[], callId: string): DecisionPlace {
  const decided = new Set(tree.filter((entry) => entry.type === 'approval-given').map((entry) => `${entry.run} ${entry.key}`))
  const wanted = tree.find(
    (entry) => isEntry(entry, 'approval-wanted') && matches(entry, callId) && !decided.has(`${entry.run} ${entry.key}`),
  )
  if (wanted?.key === undefined) throw new TroupeError('run/not-waiting', `call ${callId} waits for no approval`)
  return { run: wanted.run, key: wanted.key }
}

function isDecided(tree: readonly Entry[], callId: string): boolean {
  return tree.some((entry) => entry.type === 'approval-given' && matches(entry, callId))
}

function matches(entry: Entry, callId: string): boolean {
  const [run, key] = callId.split(':')
  return entry.run === run && entry.key !== undefined && callKeyOf(entry.key) === key
}
