import { TroupeError } from '../errors/troupe-error.ts'
import type { JsonSchema } from '../schema/json-schema.ts'
import type { JsonObject } from '../util/json.ts'
import { askRole } from './ask-role.ts'
import type { Planning } from './options.ts'
import { clarify, mayAsk } from './people.ts'
import { CHANGES_SCHEMA, PLAN_SCHEMA, type Plan, type PlanChanges } from './plan.ts'
import type { TeamRun } from './team-run.ts'
import { architectView } from './views.ts'

/** A schema with a way out beside what is asked for. */
function withOptions(schema: JsonSchema, options: JsonObject): JsonSchema {
  return { ...schema, properties: { ...(schema['properties'] as JsonObject), ...options }, required: [] }
}

const ASK: JsonObject = { ask: { type: 'string', minLength: 1, description: 'A question to the user, in place of a plan.' } }
const FIRST_SCHEMA = withOptions(PLAN_SCHEMA, ASK)
const LATER_SCHEMA = withOptions(CHANGES_SCHEMA, {
  ...ASK,
  done: { type: 'boolean', description: 'Nothing more can or needs to be done.' },
})

export type FirstPlan = { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly problem: string }
export type NextPlan =
  | { readonly type: 'changes'; readonly changes: PlanChanges }
  | { readonly type: 'done' }
  | { readonly type: 'unusable'; readonly problem: string }

/** Has the goal broken into tasks. */
export async function firstPlan(run: TeamRun): Promise<FirstPlan> {
  const answer = await plan(run, FIRST_SCHEMA, true)
  if (!answer.ok) return answer
  if ('tasks' in answer.answer) return { ok: true, plan: answer.answer }
  return { ok: false, problem: 'the architect gave no tasks' }
}

/** Has the plan changed after what has happened. */
export async function nextPlan(run: TeamRun): Promise<NextPlan> {
  const answer = await plan(run, LATER_SCHEMA, false)
  if (!answer.ok) return { type: 'unusable', problem: answer.problem }
  const given = answer.answer
  if ('done' in given && given.done) return { type: 'done' }
  return { type: 'changes', changes: given as PlanChanges }
}

async function plan(
  run: TeamRun,
  schema: JsonSchema,
  isFirst: boolean,
): ReturnType<typeof askRole<unknown, Exclude<Planning, { ask: string }>>> {
  const { spec, board } = run
  const role = spec.options.architect
  if (!role && !spec.asker.model) {
    throw new TroupeError(
      'config/invalid',
      `team ${spec.options.name} has neither a model nor an architect: give it one of them, or a router that answers by itself`,
    )
  }
  for (;;) {
    const given = await askRole(run, {
      name: isFirst ? 'architect' : 'replanner',
      role,
      key: isFirst ? 'plan' : 'replan',
      view: architectView(board.state, spec.views),
      schema,
      complaint: (value) => complaint(value as JsonObject, isFirst),
    })
    if (!given.ok) return given
    const answer: Planning = given.answer
    if (!('ask' in answer) || answer.ask === undefined) return { ok: true, answer: answer as Exclude<Planning, { ask: string }> }
    if (!mayAsk(run)) return { ok: false, problem: 'the architect asks, and no more questions may be put to the user' }
    await clarify(run, 'the architect', answer.ask)
  }
}

function complaint(answer: JsonObject, isFirst: boolean): string | undefined {
  if (answer['ask'] !== undefined || answer['done'] === true) return undefined
  if (isFirst) return answer['tasks'] === undefined ? "there are no 'tasks'" : undefined
  const isEmpty = ['add', 'drop', 'reassign'].every((key) => Object.keys((answer[key] as object | undefined) ?? {}).length === 0)
  return isEmpty ? 'nothing is changed: add, drop or reassign tasks, or answer { "done": true }' : undefined
}
