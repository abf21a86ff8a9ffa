import type { Agent, Check } from '../agent/agent.ts'
import type { Asker } from '../agent/ask.ts'
import type { RunInput } from '../client/entry.ts'
import type { Usage } from '../client/usage.ts'
import type { RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { TeamDefences } from './defences.ts'
import { next, rowsFor, type Machine, type Place } from './machine.ts'
import type { AnyTeamOptions } from './options.ts'
import { Repetition } from './repetition.ts'
import { RUN_MACHINE, type RunEventName } from './run-machine.ts'
import type { StateBoard, TaskState } from './state.ts'
import { TASK_MACHINE, type TaskEventName } from './task-machine.ts'
import type { MemberView } from './views.ts'

/** A team with every option settled: what its runs read. */
export interface TeamSpec {
  readonly options: AnyTeamOptions
  readonly asker: Asker
  /** As members: they answer with reports. */
  readonly members: ReadonlyMap<string, Agent>
  readonly views: readonly MemberView[]
  readonly checks: readonly Check[]
  readonly caps: { readonly run: Readonly<Record<string, number>>; readonly task: Readonly<Record<string, number>> }
  readonly maxParallel: number
  readonly maxTasks: number
  readonly maxSteps: number
  readonly taskTimeMs: number
  readonly needsEvidence: boolean
  readonly defences: TeamDefences
}

/** One activation of one run of a team. */
export interface TeamRun {
  readonly spec: TeamSpec
  readonly ctx: RunContext
  readonly input: RunInput
  readonly board: StateBoard
  readonly repetition: Repetition
  /** Tasks that are dead and that a later plan has taken note of. */
  readonly acknowledged: Set<string>
  /** Ends the runs of tasks that are given up. */
  readonly stops: Map<string, AbortController>
  /** How often each thing has been asked, for keys: `route`, `review.figures`. */
  readonly asked: Map<string, number>
  readonly steps: Map<string, number>
  /** Tells the loop of `working` that tasks have come, gone or changed hands. */
  onPlanChanged: () => void
  /** Questions to people that are open. */
  openQuestions: number
  /** Set when the run's control flow is over: what still comes back is dropped. */
  isOver: boolean
  /** Why the run's machine moved last. */
  lastWhy: string
  /** Why a person ended the run. */
  stopped: string | null
}

export function openTeamRun(spec: TeamSpec, ctx: RunContext, input: RunInput, board: StateBoard): TeamRun {
  return {
    spec,
    ctx,
    input,
    board,
    repetition: new Repetition(spec.defences.repetition),
    acknowledged: new Set(),
    stops: new Map(),
    asked: new Map(),
    steps: new Map(),
    onPlanChanged: () => {},
    openQuestions: 0,
    isOver: false,
    lastWhy: '',
    stopped: null,
  }
}

/** Moves the run's machine and logs it. An event that means nothing where it stands is a defect of this program. */
export async function moveRun(run: TeamRun, event: RunEventName, why: string): Promise<void> {
  const { board, spec } = run
  const place = board.state.place
  const to = next(RUN_MACHINE, place, event, { caps: spec.caps.run })
  if (!to) throw meaningless(RUN_MACHINE, place, event)
  board.write({ type: 'run', place: to })
  run.lastWhy = `${why || event}${spentCap(RUN_MACHINE, place, event, to, spec.caps.run)}`
  await run.ctx.emit(`run.${count(run.steps, 'run')}`, 'state', { from: place.state, to: to.state, why: run.lastWhy })
}

/** Where a cap is why the machine went on to another state than the event asks for: which. */
function spentCap(machine: Machine, { state }: Place, event: string, to: Place, caps: Readonly<Record<string, number>>): string {
  const [wanted] = rowsFor(machine, state, event)
  if (wanted?.cap === undefined || wanted.to === to.state) return ''
  return ` (the cap of ${caps[wanted.cap] ?? 0} ${wanted.cap} is reached)`
}

/** Moves a task's machine and logs it. Gives where it stands then, or null where the task is over already. */
export async function moveTask(run: TeamRun, id: string, event: TaskEventName, why: string): Promise<Place | null> {
  const task = run.board.task(id)
  if (!task || TASK_MACHINE.states[task.place.state] === 'final') return null
  const to = next(TASK_MACHINE, task.place, event, { caps: run.spec.caps.task })
  if (!to) throw meaningless(TASK_MACHINE, task.place, event)
  run.board.write({ type: 'task', task: id, place: to })
  await run.ctx.emit(`task.${id}.${count(run.steps, `task.${id}`)}`, 'state', {
    from: task.place.state,
    to: to.state,
    why: why || event,
    task: id,
  })
  return to
}

function meaningless(machine: Machine, { state }: Place, event: string): TroupeError {
  return new TroupeError('internal/unreachable', `the ${machine.name} machine stands in '${state}', where '${event}' means nothing`)
}

/** The next number of a key, from 1: the same on every resume, as what asks for it comes in the order of the log. */
export function count(counts: Map<string, number>, key: string): number {
  const n = (counts.get(key) ?? 0) + 1
  counts.set(key, n)
  return n
}

/** Takes one of the steps that the run may make, before it is made: those at work at once count as well. Throws `budget/spent` when none is left. */
export function takeStep(run: TeamRun): void {
  const max = Math.min(run.input.maxSteps ?? Infinity, run.spec.maxSteps)
  if (run.board.state.steps >= max) throw new TroupeError('budget/spent', `the limit of ${max} steps is reached`)
  run.board.write({ type: 'step' })
}

export function spend(run: TeamRun, usage: Usage): void {
  run.board.write({ type: 'spent', usage })
}

/** The task of that id. Throws `internal/unreachable` where there is none. */
export function taskOf(run: TeamRun, id: string): TaskState {
  const task = run.board.task(id)
  if (!task) throw new TroupeError('internal/unreachable', `there is no task '${id}'`)
  return task
}
