import type { Usage } from '../client/usage.ts'
import { addUsage, NO_USAGE } from '../client/usage.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { CheckedEvidence } from './evidence.ts'
import { startOf, type Place } from './machine.ts'
import type { Plan, PlannedTask } from './plan.ts'
import { RUN_MACHINE } from './run-machine.ts'
import { TASK_MACHINE } from './task-machine.ts'

/** The format of `TeamState`; a reader of another version knows by it what it has. */
export const STATE_VERSION = 1

/** What a team's run knows: one plain JSON object, a fold over its log, never stored beside it. */
export interface TeamState {
  readonly version: typeof STATE_VERSION
  readonly goal: { readonly task: string; readonly context: JsonObject; readonly criteria: readonly string[] }
  readonly place: Place
  readonly round: number
  readonly ledger: { readonly facts: readonly string[]; readonly gaps: readonly string[]; readonly guesses: readonly string[] }
  /** By id, in the order of the plan. */
  readonly tasks: Readonly<Record<string, TaskState>>
  /** What tasks that are done have written, by path of the state. */
  readonly outputs: Readonly<Record<string, JsonValue>>
  /** The task that got done last. */
  readonly lastDone: string | null
  /** Members whose work is in the outputs. */
  readonly contributors: readonly string[]
  readonly questions: readonly Question[]
  readonly findings: readonly string[]
  /** Why the last round, answer or plan did not do. */
  readonly reasons: readonly string[]
  /** The best answer so far, and why it was not accepted. */
  readonly answer: { readonly value: JsonValue; readonly reasons: readonly string[] } | null
  readonly spent: Usage
  /** Questions to roles and attempts at tasks. */
  readonly steps: number
}

export interface Question {
  readonly from: string
  readonly question: string
  readonly answer: string | null
}

/** A task as it stands. */
export interface TaskState {
  readonly plan: PlannedTask
  readonly owner: string
  readonly place: Place
  readonly round: number
  readonly output?: JsonValue
  readonly evidence: readonly CheckedEvidence[]
  /** What was wrong with each attempt, oldest first. */
  readonly defects: readonly string[]
  readonly findings: readonly string[]
  readonly notes: readonly { readonly from: string; readonly text: string }[]
  /** What an owner that handed it on had got. */
  readonly handedOver?: { readonly from: string; readonly why: string; readonly state: JsonValue }
  readonly undone?: true
}

/** All that changes a state. */
export type Change =
  | { readonly type: 'run'; readonly place: Place }
  | { readonly type: 'task'; readonly task: string; readonly place: Place }
  | { readonly type: 'plan'; readonly plan: Plan; readonly owners: Readonly<Record<string, string>> }
  | { readonly type: 'ledger'; readonly facts?: readonly string[]; readonly gaps?: readonly string[]; readonly guesses?: readonly string[] }
  | { readonly type: 'owner'; readonly task: string; readonly owner: string; readonly handedOver?: TaskState['handedOver'] }
  | { readonly type: 'result'; readonly task: string; readonly output: JsonValue; readonly evidence: readonly CheckedEvidence[] }
  | { readonly type: 'written'; readonly task: string; readonly values: Readonly<Record<string, JsonValue>> }
  | { readonly type: 'defect'; readonly task: string; readonly reasons: readonly string[] }
  | { readonly type: 'note'; readonly task: string; readonly from: string; readonly text: string }
  | { readonly type: 'finding'; readonly task: string; readonly finding: string }
  | { readonly type: 'undone'; readonly task: string }
  | { readonly type: 'question'; readonly question: Question }
  | { readonly type: 'reasons'; readonly reasons: readonly string[] }
  | { readonly type: 'answer'; readonly value: JsonValue; readonly reasons: readonly string[] }
  | { readonly type: 'step' }
  | { readonly type: 'spent'; readonly usage: Usage }

export function emptyState(task: string, context: JsonObject, criteria: readonly string[]): TeamState {
  return {
    version: STATE_VERSION,
    goal: { task, context, criteria },
    place: startOf(RUN_MACHINE),
    round: 0,
    ledger: { facts: [], gaps: [], guesses: [] },
    tasks: {},
    outputs: {},
    lastDone: null,
    contributors: [],
    questions: [],
    findings: [],
    reasons: [],
    answer: null,
    spent: NO_USAGE,
    steps: 0,
  }
}

/**
 * Holds the state of one run: every change goes through `write`, one after the other, so parallel tasks lose none of
 * theirs. The two large tables are changed in place: a copy for each change would make a plan of n tasks cost n².
 */
export class StateBoard {
  readonly #tasks: Record<string, TaskState> = {}
  readonly #outputs: Record<string, JsonValue> = {}
  #state: TeamState

  constructor(begun: TeamState) {
    this.#tasks = { ...begun.tasks }
    this.#outputs = { ...begun.outputs }
    this.#state = { ...begun, tasks: this.#tasks, outputs: this.#outputs }
  }

  /** As it is now; read it again after an `await`. */
  get state(): TeamState {
    return this.#state
  }

  /** The task of that id, or undefined. */
  task(id: string): TaskState | undefined {
    return Object.hasOwn(this.#tasks, id) ? this.#tasks[id] : undefined
  }

  /** A copy that nothing changes any more. */
  snapshot(): TeamState {
    return structuredClone(this.#state)
  }

  write(change: Change): void {
    if ('task' in change) {
      const task = this.task(change.task)
      if (!task) return
      this.#tasks[change.task] = taskAfter(task, change)
    }
    if (change.type === 'written') Object.assign(this.#outputs, change.values)
    if (change.type === 'plan') Object.assign(this.#tasks, planned(change, this.#state.round + 1))
    this.#state = stateAfter(this.#state, change)
  }
}

function planned({ plan, owners }: Extract<Change, { type: 'plan' }>, round: number): Record<string, TaskState> {
  return Object.fromEntries(
    plan.tasks.map((task) => [
      task.id,
      {
        plan: task,
        owner: owners[task.id] ?? task.owner ?? '',
        place: startOf(TASK_MACHINE),
        round,
        evidence: [],
        defects: [],
        findings: [],
        notes: [],
      },
    ]),
  )
}

/** One task after a change that is about it. Pure. */
function taskAfter(task: TaskState, change: Extract<Change, { task: string }>): TaskState {
  switch (change.type) {
    case 'task':
      return { ...task, place: change.place }
    case 'owner':
      return { ...task, owner: change.owner, ...(change.handedOver && { handedOver: change.handedOver }) }
    case 'result':
      return { ...task, output: change.output, evidence: change.evidence }
    case 'defect':
      return { ...task, defects: [...task.defects, ...change.reasons] }
    case 'note':
      return { ...task, notes: [...task.notes, { from: change.from, text: change.text }] }
    case 'finding':
      return { ...task, findings: [...task.findings, change.finding] }
    case 'undone':
      return { ...task, undone: true }
    case 'written':
      return task
  }
}

function stateAfter(state: TeamState, change: Change): TeamState {
  switch (change.type) {
    case 'run':
      return { ...state, place: change.place }
    case 'plan':
      return {
        ...state,
        round: state.round + 1,
        goal: { ...state.goal, criteria: change.plan.criteria ?? state.goal.criteria },
        ledger: merged(state.ledger, change.plan),
      }
    case 'ledger':
      return { ...state, ledger: merged(state.ledger, change) }
    case 'written': {
      const owner = state.tasks[change.task]?.owner
      const contributors = owner === undefined || state.contributors.includes(owner) ? state.contributors : [...state.contributors, owner]
      return { ...state, lastDone: change.task, contributors }
    }
    case 'finding':
      return { ...state, findings: [...state.findings, change.finding] }
    case 'question':
      return { ...state, questions: [...state.questions, change.question] }
    case 'reasons':
      return { ...state, reasons: change.reasons }
    case 'answer':
      return { ...state, answer: { value: change.value, reasons: change.reasons } }
    case 'step':
      return { ...state, steps: state.steps + 1 }
    case 'spent':
      return { ...state, spent: addUsage(state.spent, change.usage) }
    case 'task':
    case 'owner':
    case 'result':
    case 'defect':
    case 'note':
    case 'undone':
      return state
  }
}

/** A later word on facts, gaps or guesses takes the place of the earlier one. */
function merged(ledger: TeamState['ledger'], { facts, gaps, guesses }: Partial<TeamState['ledger']>): TeamState['ledger'] {
  return { facts: facts ?? ledger.facts, gaps: gaps ?? ledger.gaps, guesses: guesses ?? ledger.guesses }
}

/** Whether anything may still happen to a task. */
export function isLive({ place }: TaskState): boolean {
  return TASK_MACHINE.states[place.state] === 'live'
}

/** Tasks whose outputs a task needs. */
export function dependenciesOf({ inputs = [] }: PlannedTask): readonly string[] {
  return inputs.filter((input) => !input.startsWith(CONTEXT))
}

export function pathsOf({ id, produces }: PlannedTask): readonly string[] {
  return produces && produces.length > 0 ? produces : [id]
}

const CONTEXT = 'context.'

/** What the owner of a task is given of all that: the outputs and values that the task names, and nothing else. */
export function inputsOf(state: TeamState, { inputs = [], given }: PlannedTask): JsonObject {
  const named = inputs.map((input): readonly [string, JsonValue | undefined] =>
    input.startsWith(CONTEXT)
      ? [input.slice(CONTEXT.length), state.goal.context[input.slice(CONTEXT.length)]]
      : [input, state.tasks[input]?.output],
  )
  const values = named.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  return { ...Object.fromEntries(values), ...(given !== undefined && { given }) }
}
