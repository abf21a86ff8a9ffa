import { TroupeError } from '../errors/troupe-error.ts'
import { detach } from '../util/detach.ts'
import { Schedule } from './schedule.ts'
import { runTask } from './task-flow.ts'
import type { TeamRun } from './team-run.ts'

/**
 * Works on the plan until no task is at work and none can start. Each task starts the moment its own dependencies are
 * done; tasks that come meanwhile are taken in. At a cap no more are started, and those at work come to their end first:
 * so what is done then does not depend on the moment at which the cap was met. Throws what ends the run.
 */
export async function work(run: TeamRun): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let schedule = scheduleOf(run, new Map())
  let cap: TroupeError | undefined
  const startReady = (): void => {
    const mayStart = run.stopped === null && !run.isOver && cap === undefined
    for (const id of mayStart ? schedule.take() : []) detach(follow(id))
    if (schedule.atWork.size > 0) return
    if (cap === undefined) resolve()
    else reject(cap)
  }
  const follow = async (id: string): Promise<void> => {
    try {
      await runTask(run, id)
    } catch (error) {
      if (!TroupeError.is(error, 'budget/spent')) return reject(error)
      cap ??= error
    }
    schedule.ended(id, run.board.task(id)?.place.state === 'done')
    startReady()
  }
  run.onPlanChanged = () => {
    schedule = scheduleOf(run, schedule.atWork)
    startReady()
  }
  try {
    startReady()
    await promise
  } finally {
    run.onPlanChanged = () => {}
  }
}

function scheduleOf({ board, spec }: TeamRun, atWork: ReadonlyMap<string, string>): Schedule {
  const pending = Object.values(board.state.tasks)
  const members: Record<string, number> = {}
  for (const [name, cap] of Object.entries(spec.options.memberCaps ?? {})) if (cap !== undefined) members[name] = cap
  return new Schedule(pending, { maxParallel: spec.maxParallel, members }, atWork)
}
