import type { Plan, PlanChanges, PlannedTask } from './plan.ts'
import { checkChanges, checkPlan, type PlanGround } from './plan-check.ts'
import { dependenciesOf, isLive, type TaskState } from './state.ts'
import { moveTask, type TeamRun } from './team-run.ts'

/** What plans of a team are checked against. */
function groundOf({ spec }: TeamRun): PlanGround {
  const members = new Map(spec.views.map(({ name, tools, skills }) => [name, { tools, skills }]))
  return { members, maxTasks: spec.maxTasks, defences: spec.defences, pick: (task) => pickOwner(task, members) }
}

/** The first member that has all the tools and skills that a task names; with neither named, the only member there is. */
function pickOwner({ tools = [], skills = [] }: PlannedTask, members: PlanGround['members']): string | undefined {
  const fitting = [...members].filter(
    ([, member]) => tools.every((tool) => member.tools?.includes(tool)) && skills.every((skill) => member.skills.includes(skill)),
  )
  if (tools.length === 0 && skills.length === 0 && members.size > 1) return undefined
  return fitting[0]?.[0]
}

/** Checks the first plan and takes it over. Gives the reasons when it is bad. */
export async function applyPlan(run: TeamRun, plan: Plan): Promise<readonly string[]> {
  const verdict = checkPlan(plan, run.board.state, groundOf(run))
  if (!verdict.ok) return verdict.reasons
  run.board.write({ type: 'plan', plan: verdict.plan, owners: verdict.owners })
  await run.ctx.emit(`plan.${run.board.state.round}`, 'plan', { plan: planText(plan, verdict.owners) })
  run.onPlanChanged()
  return []
}

/** Checks changes and makes them: tasks that are dropped are abandoned, others get new owners, new ones are added. Gives the reasons when they are bad. */
export async function applyChanges(run: TeamRun, changes: PlanChanges, by: string): Promise<readonly string[]> {
  const { board } = run
  const verdict = checkChanges(changes, board.state, groundOf(run))
  if (!verdict.ok) return verdict.reasons
  for (const id of changes.drop ?? []) await abandon(run, id, `dropped by ${by}`, true)
  for (const [task, owner] of Object.entries(changes.reassign ?? {})) board.write({ type: 'owner', task, owner })
  board.write({ type: 'plan', plan: { ...verdict.plan, ...ledgerOf(changes) }, owners: verdict.owners })
  await run.ctx.emit(`plan.${board.state.round}`, 'plan', { plan: changesText(changes, by) })
  run.onPlanChanged()
  return []
}

function ledgerOf({ facts, gaps, guesses }: PlanChanges): Partial<Plan> {
  return { ...(facts && { facts }), ...(gaps && { gaps }), ...(guesses && { guesses }) }
}

/** Gives a task up: what it does is stopped. `isKnown`: whoever plans knows of it. */
export async function abandon(run: TeamRun, id: string, why: string, isKnown: boolean): Promise<void> {
  if (isKnown) run.acknowledged.add(id)
  if (!(await moveTask(run, id, 'abandon', why))) return
  run.stops.get(id)?.abort()
}

/** Gives up, one after the other, the tasks that can never start because what they need is dead. */
export async function abandonBlocked(run: TeamRun): Promise<void> {
  for (let found = blocked(run); found.length > 0; found = blocked(run)) {
    for (const { plan } of found) await abandon(run, plan.id, 'what it needs was given up', false)
  }
}

function blocked({ board }: TeamRun): readonly TaskState[] {
  const { tasks } = board.state
  return Object.values(tasks).filter((task) => task.place.state === 'pending' && dependenciesOf(task.plan).some((id) => isDead(tasks[id])))
}

export function isDead(task: TaskState | undefined): boolean {
  return task !== undefined && !isLive(task) && task.place.state !== 'done'
}

/** Tasks that are done, can be undone, and serve only what was given up, as whoever plans knows; and those given up in their middle. */
export function toUndo({ board, acknowledged }: TeamRun): readonly TaskState[] {
  const tasks = Object.values(board.state.tasks)
  const users = Map.groupBy(
    tasks.flatMap((task) => dependenciesOf(task.plan).map((need) => ({ need, task }))),
    ({ need }) => need,
  )
  return tasks.filter((task) => {
    if (task.plan.undo === undefined || task.undone) return false
    if (task.place.state === 'abandoned') return (task.place.taken['attempts'] ?? 0) > 0
    const after = users.get(task.plan.id) ?? []
    return task.place.state === 'done' && after.length > 0 && after.every((one) => isDead(one.task) && acknowledged.has(one.task.plan.id))
  })
}

function planText({ tasks, facts = [], gaps = [], guesses = [] }: Plan, owners: Readonly<Record<string, string>>): string {
  return [
    ...facts.map((fact) => `fact: ${fact}`),
    ...gaps.map((gap) => `to find out: ${gap}`),
    ...guesses.map((guess) => `assumed: ${guess}`),
    ...tasks.map((task) => taskText(task, owners[task.id])),
  ].join('\n')
}

function changesText({ add = [], drop = [], reassign = {} }: PlanChanges, by: string): string {
  const lines = [
    ...add.map((task) => `+ ${taskText(task, task.owner)}`),
    ...drop.map((id) => `- ${id}`),
    ...Object.entries(reassign).map(([id, owner]) => `${id}: now ${owner}`),
  ]
  return [`changed by ${by}`, ...lines].join('\n')
}

function taskText({ id, objective, inputs = [] }: PlannedTask, owner = '?'): string {
  return `${id} (${owner}${inputs.length === 0 ? '' : `, after ${inputs.join(', ')}`}): ${objective}`
}
