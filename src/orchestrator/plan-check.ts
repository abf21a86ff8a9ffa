import type { JsonObject } from '../util/json.ts'
import { ALL_TEAM_DEFENCES, type TeamDefences } from './defences.ts'
import { TEAM_LIMITS } from './limits.ts'
import type { Plan, PlanChanges, PlannedTask } from './plan.ts'
import { dependenciesOf, isLive, pathsOf, type TaskState, type TeamState } from './state.ts'

/** What a plan is checked against. */
export interface PlanGround {
  readonly members: ReadonlyMap<string, MemberFacts>
  /** A rule for tasks without an owner; undefined: none fits. */
  readonly pick: (task: PlannedTask) => string | undefined
  readonly maxTasks?: number
  /** Absent: all. */
  readonly defences?: TeamDefences
}

export interface MemberFacts {
  /** Null where it is not known which tools a member has, as of one that runs elsewhere. */
  readonly tools: readonly string[] | null
  readonly skills: readonly string[]
}

/** A plan with an owner for every task, or all that is wrong with it, as sentences for who made it. */
export type PlanVerdict =
  | { readonly ok: true; readonly plan: Plan; readonly owners: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly reasons: readonly string[] }

const ID = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

/** Reasons shown of one bad plan; a long list teaches no more than its beginning. */
const SHOWN = 20

/**
 * Checks a plan before anything of it runs: ids, owners, tools and inputs exist, no cycle, each path of the state has
 * one writer among the tasks that count, and every criterion of the goal is covered. Tasks that are done or still live
 * in `state` count as well. O(n log n).
 */
export function checkPlan(plan: Plan, state: TeamState, ground: PlanGround): PlanVerdict {
  const most = ground.maxTasks ?? TEAM_LIMITS.maxTasks
  if (plan.tasks.length === 0) return refused(['the plan has no task: name at least one'])
  if (plan.tasks.length > most)
    return refused([`the plan has ${plan.tasks.length} tasks, at most ${most} are allowed: make fewer, larger ones`])
  const kept = Object.values(state.tasks).filter((task) => task.place.state === 'done' || isLive(task))
  const owners = ownersOf(plan.tasks, ground)
  const on = ground.defences ?? ALL_TEAM_DEFENCES
  const reasons = [
    ...badIds(plan.tasks, state),
    ...badOwners(plan.tasks, owners, ground),
    ...(on.ownTools ? badTools(plan.tasks, owners, ground) : []),
    ...(on.knownInputs ? badInputs(plan.tasks, kept, state) : []),
    ...(on.acyclic ? cycles(plan.tasks) : []),
    ...(on.onePath ? sharedPaths(plan.tasks, kept) : []),
    ...(on.coverage ? uncovered(plan, kept, state) : []),
    ...badShares(plan.tasks, kept),
  ]
  return reasons.length === 0 ? { ok: true, plan, owners } : refused(reasons)
}

/** Checks changes as the plan that they make: what is dropped is gone, what is done stays. */
export function checkChanges(changes: PlanChanges, state: TeamState, ground: PlanGround): PlanVerdict {
  const { add = [], drop = [], reassign = {} } = changes
  const { doneStays } = ground.defences ?? ALL_TEAM_DEFENCES
  const done = [...drop, ...Object.keys(reassign)].filter((id) => doneStays && state.tasks[id]?.place.state === 'done')
  const unknown = [...drop, ...Object.keys(reassign)].filter((id) => !Object.hasOwn(state.tasks, id))
  const strangers = Object.entries(reassign).filter(([, owner]) => !ground.members.has(owner))
  const reasons = [
    ...unknown.map((id) => `there is no task '${id}' to change`),
    ...done.map((id) => `task '${id}' is done: it can be neither dropped nor given to another`),
    ...strangers.map(([id, owner]) => `task '${id}': there is no member '${owner}'; there are ${[...ground.members.keys()].join(', ')}`),
  ]
  if (reasons.length > 0) return refused(reasons)
  const tasks = Object.fromEntries(Object.entries(state.tasks).filter(([id]) => !drop.includes(id)))
  const orphans = Object.values(tasks).filter((task) => isLive(task) && dependenciesOf(task.plan).some((id) => drop.includes(id)))
  if (orphans.length > 0) {
    return refused(orphans.map(({ plan }) => `task '${plan.id}' needs a task that is dropped: drop it as well, or keep what it needs`))
  }
  if (add.length === 0) return { ok: true, plan: { tasks: [] }, owners: {} }
  return checkPlan({ tasks: add }, { ...state, tasks }, ground)
}

function refused(reasons: readonly string[]): PlanVerdict {
  const more = reasons.length > SHOWN ? [`and ${reasons.length - SHOWN} more faults`] : []
  return { ok: false, reasons: [...reasons.slice(0, SHOWN), ...more] }
}

function badIds(tasks: readonly PlannedTask[], state: TeamState): readonly string[] {
  const seen = new Set<string>()
  return tasks.flatMap(({ id }) => {
    if (!ID.test(id)) return [`'${id}' is no id of a task: up to 64 letters, digits and underscores, a letter first`]
    if (seen.has(id)) return [`two tasks have the id '${id}'`]
    seen.add(id)
    if (Object.hasOwn(state.tasks, id)) return [`there is a task '${id}' from an earlier round: give the new one another id`]
    return []
  })
}

function ownersOf(tasks: readonly PlannedTask[], { pick }: PlanGround): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tasks.flatMap((task) => {
      const owner = task.owner ?? pick(task)
      return owner === undefined ? [] : [[task.id, owner]]
    }),
  )
}

function badOwners(tasks: readonly PlannedTask[], owners: Readonly<Record<string, string>>, { members }: PlanGround): readonly string[] {
  const names = [...members.keys()].join(', ')
  return tasks.flatMap(({ id }) => {
    const owner = owners[id]
    if (owner === undefined)
      return [`task '${id}' has no owner, and no member has all the tools and skills that it needs; there are ${names}`]
    return members.has(owner) ? [] : [`task '${id}' is given to '${owner}', which is no member; there are ${names}`]
  })
}

function badTools(tasks: readonly PlannedTask[], owners: Readonly<Record<string, string>>, { members }: PlanGround): readonly string[] {
  return tasks.flatMap(({ id, tools = [] }) => {
    const has = members.get(owners[id] ?? '')?.tools
    if (!has) return []
    return tools
      .filter((tool) => !has.includes(tool))
      .map((tool) => `task '${id}': its owner ${owners[id]} has no tool '${tool}'; it has ${has.join(', ') || 'none'}`)
  })
}

function badInputs(tasks: readonly PlannedTask[], kept: readonly TaskState[], { goal, tasks: known }: TeamState): readonly string[] {
  const ids = new Set([...tasks.map(({ id }) => id), ...kept.map(({ plan }) => plan.id)])
  return tasks.flatMap(({ id, inputs = [] }) =>
    inputs.flatMap((input) => {
      if (ids.has(input)) return []
      if (input.startsWith('context.'))
        return hasKey(goal.context, input.slice(8)) ? [] : [`task '${id}' needs '${input}', which did not come with the goal`]
      const gone = Object.hasOwn(known, input) ? `, which is ${known[input]?.place.state}` : ', and there is no such task'
      return [`task '${id}' needs the output of '${input}'${gone}`]
    }),
  )
}

function hasKey(context: JsonObject, key: string): boolean {
  return Object.hasOwn(context, key)
}

/** Tasks that are in, or behind, a cycle: those that are left when tasks without open needs are taken away one by one. */
function cycles(tasks: readonly PlannedTask[]): readonly string[] {
  const open = new Map(tasks.map((task) => [task.id, 0]))
  const after = new Map<string, string[]>()
  for (const task of tasks) {
    for (const need of new Set(dependenciesOf(task))) {
      if (!open.has(need)) continue
      open.set(task.id, (open.get(task.id) ?? 0) + 1)
      const list = after.get(need)
      if (list) list.push(task.id)
      else after.set(need, [task.id])
    }
  }
  const free = [...open].filter(([, needs]) => needs === 0).map(([id]) => id)
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    open.delete(id)
    for (const later of after.get(id) ?? []) {
      const left = (open.get(later) ?? 0) - 1
      open.set(later, left)
      if (left === 0) free.push(later)
    }
  }
  return open.size === 0 ? [] : [`the plan has a cycle: none of ${[...open.keys()].slice(0, SHOWN).join(', ')} can ever start`]
}

/** Each path has one writer, and nobody writes above or below a path of another. In sorted order such paths are neighbours of their prefix. */
function sharedPaths(tasks: readonly PlannedTask[], kept: readonly TaskState[]): readonly string[] {
  const writers = new Map<string, string>()
  const reasons: string[] = []
  for (const { task, path } of [...kept.map(({ plan }) => plan), ...tasks].flatMap((plan) =>
    pathsOf(plan).map((path) => ({ task: plan.id, path })),
  )) {
    const other = writers.get(path)
    if (other !== undefined && other !== task) reasons.push(`tasks '${other}' and '${task}' both write '${path}': each path has one writer`)
    writers.set(path, task)
  }
  for (const [path, task] of writers) {
    for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
      const above = writers.get(path.slice(0, dot))
      if (above !== undefined && above !== task)
        reasons.push(`task '${task}' writes '${path}', which is inside '${path.slice(0, dot)}' of task '${above}'`)
    }
  }
  return reasons
}

function uncovered(plan: Plan, kept: readonly TaskState[], { goal }: TeamState): readonly string[] {
  const criteria = new Set([...goal.criteria, ...(plan.criteria ?? [])])
  const dropped = plan.criteria ? goal.criteria.filter((one) => !plan.criteria?.includes(one)) : []
  const covered = new Set([...plan.tasks, ...kept.map((task) => task.plan)].flatMap(({ covers = [] }) => covers))
  const strange = [...new Set(plan.tasks.flatMap(({ covers = [] }) => covers))].filter((one) => !criteria.has(one))
  return [
    ...dropped.map((one) => `the criterion of the goal '${one}' is not in the plan's criteria: none may be dropped`),
    ...[...criteria].filter((one) => !covered.has(one)).map((one) => `no task covers the criterion of the goal '${one}'`),
    ...strange.map((one) => `a task covers '${one}', which is no criterion of the goal`),
  ]
}

function badShares(tasks: readonly PlannedTask[], kept: readonly TaskState[]): readonly string[] {
  const sum = [...tasks, ...kept.map(({ plan }) => plan)].reduce((all, { budgetShare = 0 }) => all + budgetShare, 0)
  return sum > 1 + 1e-9 ? [`the shares of the budget add up to ${sum.toFixed(2)}: at most 1`] : []
}
