import { cutMiddle } from '../util/cut-middle.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { TeamDefences } from './defences.ts'
import type { CheckedEvidence } from './evidence.ts'
import { FIXED_LIMITS } from './limits.ts'
import { inputsOf, type Question, type TaskState, type TeamState } from './state.ts'

/** What roles are told of a member. */
export interface MemberView<Name extends string = string> {
  readonly name: Name
  readonly description: string
  /** Null: not known. */
  readonly tools: readonly string[] | null
  readonly skills: readonly string[]
}

export interface GoalView {
  readonly task: string
  readonly context: JsonObject
  readonly criteria: readonly string[]
}

/** What the router decides by. */
export interface RouterView<Name extends string = string> {
  readonly goal: GoalView
  readonly members: readonly MemberView<Name>[]
  /** What people have said when they were asked. */
  readonly questions: readonly Question[]
}

/** A task as the architect and the investigator see it. */
export interface TaskView {
  readonly id: string
  readonly owner: string
  readonly status: string
  readonly objective: string
  readonly inputs: readonly string[]
  readonly attempts: number
  readonly output?: JsonValue
  readonly defects: readonly string[]
  readonly findings: readonly string[]
}

/** What the architect plans by: the two ledgers of facts and of progress, without raw logs. */
export interface ArchitectView<Name extends string = string> extends RouterView<Name> {
  /** Plans carried out so far; 0: this is the first one. */
  readonly round: number
  readonly ledger: TeamState['ledger']
  readonly tasks: readonly TaskView[]
  readonly findings: readonly string[]
  /** What is wrong with the last plan, the last round or the last answer. */
  readonly reasons: readonly string[]
}

/** What a reviewer holds against the goal: the output of one task, or the answer. */
export interface ReviewView {
  readonly subject: 'task' | 'answer'
  readonly goal: GoalView
  readonly task?: Pick<TaskView, 'id' | 'owner' | 'objective'>
  readonly criteria: readonly string[]
  readonly inputs: JsonObject
  readonly output: JsonValue
  readonly evidence: readonly CheckedEvidence[]
  readonly findings: readonly string[]
}

/** What an investigator looks into. */
export interface InvestigatorView<Name extends string = string> {
  readonly goal: GoalView
  readonly anomaly: readonly string[]
  readonly task: TaskView
  readonly inputs: JsonObject
  readonly evidence: readonly CheckedEvidence[]
  readonly tasks: readonly TaskView[]
  readonly members: readonly MemberView<Name>[]
}

/** What the answer is written from. */
export interface SynthesisView {
  readonly goal: GoalView
  /** By task. */
  readonly outputs: JsonObject
  readonly findings: readonly string[]
  readonly notes: readonly string[]
  /** Tasks that did not get done, with why. */
  readonly missing: readonly string[]
  /** Why an earlier answer was not accepted. */
  readonly reasons: readonly string[]
}

function taskView({ plan, owner, place, output, defects, findings }: TaskState): TaskView {
  return {
    id: plan.id,
    owner,
    status: place.state,
    objective: plan.objective,
    inputs: plan.inputs ?? [],
    attempts: place.taken['attempts'] ?? 0,
    ...(place.state === 'done' && output !== undefined && { output }),
    defects,
    findings,
  }
}

export function routerView(state: TeamState, members: readonly MemberView[]): RouterView {
  return { goal: state.goal, members, questions: state.questions }
}

export function architectView(state: TeamState, members: readonly MemberView[]): ArchitectView {
  const { round, ledger, findings, reasons } = state
  return { ...routerView(state, members), round, ledger, tasks: Object.values(state.tasks).map(taskView), findings, reasons }
}

export function investigatorView(
  state: TeamState,
  task: TaskState,
  anomaly: readonly string[],
  members: readonly MemberView[],
): InvestigatorView {
  return {
    goal: state.goal,
    anomaly,
    task: { ...taskView(task), ...(task.output !== undefined && { output: task.output }) },
    inputs: inputsOf(state, task.plan),
    evidence: task.evidence,
    tasks: Object.values(state.tasks).map(taskView),
    members,
  }
}

export function synthesisView(state: TeamState): SynthesisView {
  const tasks = Object.values(state.tasks)
  return {
    goal: state.goal,
    outputs: Object.fromEntries(
      tasks.flatMap(({ plan, place, output }) => (place.state === 'done' && output !== undefined ? [[plan.id, output]] : [])),
    ),
    findings: state.findings,
    notes: tasks.flatMap(({ notes }) => notes.map(({ text }) => text)),
    missing: missingIn(state),
    reasons: state.reasons,
  }
}

/** Tasks that did not get done, each with why. */
export function missingIn(state: TeamState): readonly string[] {
  return Object.values(state.tasks)
    .filter(({ place }) => place.state !== 'done')
    .map(
      ({ plan, place, defects }) => `${plan.id} (${place.state}): ${plan.objective}${defects.length === 0 ? '' : ` — ${defects.at(-1)}`}`,
    )
}

/** A view as text for a prompt: JSON, with long values cut in their middle. */
export function shown(view: object, { cutViews }: Pick<TeamDefences, 'cutViews'>): string {
  const chars = cutViews ? FIXED_LIMITS.shownChars : Infinity
  return JSON.stringify(cut(JSON.parse(JSON.stringify(view)) as JsonValue, chars), null, 1)
}

/** Long texts are shown by how they begin and end; what is behind stays in the state. */
function cut(value: JsonValue, chars: number): JsonValue {
  if (typeof value === 'string') return cutMiddle(value, chars)
  if (typeof value !== 'object' || value === null) return value
  if (!Array.isArray(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item === undefined ? item : cut(item, chars)]))
  const isData = value.length > 20 && value.every((one: JsonValue) => typeof one !== 'object' || one === null)
  const text = isData ? JSON.stringify(value) : ''
  return text.length > chars ? cutMiddle(text, chars) : value.map((item: JsonValue) => cut(item, chars))
}
