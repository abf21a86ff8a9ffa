import { detach } from '../util/detach.ts'
import { Schedule } from './schedule.ts'
import { runTask } from './task-flow.ts'
import type { TeamRun } from './team-run.ts'

/**
 * Works on the plan until no task is at work and none can start. Each task starts the moment its own dependencies are
 * done; tasks that come meanwhile are taken in. Throws what ends the run, as soon as one task meets it.
 */
export async function work(run: TeamRun): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let schedule = scheduleOf(run, new Map())
  const startReady = (): void => {
    for (const id of schedule.take()) detach(follow(id))
    if (schedule.atWork.size === 0) resolve()
  }
  const follow = async (id: string): Promise<void> => {
    try {
      await runTask(run, id)
      schedule.ended(id, run.board.task(id)?.place.state === 'done')
      if (run.stopped === null && !run.isOver) startReady()
      else if (schedule.atWork.size === 0) resolve()
    } catch (error) {
      reject(error)
    }
  }
  run.onPlanChanged = () => {
    schedule = scheduleOf(run, schedule.atWork)
    if (run.stopped === null) startReady()
    else if (schedule.atWork.size === 0) resolve()
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
