import type { JsonSchema } from '../schema/json-schema.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import { askRole } from './ask-role.ts'
import type { Review } from './options.ts'
import { inputsOf, type TaskState } from './state.ts'
import type { TeamRun } from './team-run.ts'
import type { ReviewView } from './views.ts'

const REVIEW_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    verdict: { type: 'string', enum: ['ok', 'defect', 'anomaly'] },
    reasons: { type: 'array', items: { type: 'string', minLength: 1 }, description: 'Needed unless the verdict is ok.' },
  },
  required: ['verdict'],
  additionalProperties: false,
}

function complaint(answer: JsonValue): string | undefined {
  const { verdict, reasons = [] } = answer as JsonObject & Review
  return verdict !== 'ok' && reasons.length === 0 ? `verdict '${verdict}' needs reasons` : undefined
}

/** Whether anybody reviews at all: a team without a model and without a reviewer has only its code checks. */
function hasReviewer({ spec }: TeamRun): boolean {
  return spec.options.reviewer !== undefined || spec.asker.model !== undefined
}

/** Holds a task's output against its criteria. A reviewer that gives no usable answer has not passed it. */
export async function reviewTask(run: TeamRun, { plan, owner, output = null, evidence }: TaskState): Promise<Review> {
  const criteria = plan.criteria ?? []
  if (criteria.length === 0 || !hasReviewer(run)) return { verdict: 'ok' }
  const { state } = run.board
  return review(run, `review.${plan.id}`, {
    subject: 'task',
    goal: state.goal,
    task: { id: plan.id, owner, objective: plan.objective },
    criteria,
    inputs: inputsOf(state, plan),
    output,
    evidence,
    findings: state.findings,
  })
}

/** Holds the answer of the run against its goal. */
export async function reviewAnswer(run: TeamRun, answer: JsonValue): Promise<Review> {
  if (!hasReviewer(run)) return { verdict: 'ok' }
  const { state } = run.board
  const done = Object.values(state.tasks).filter(({ place }) => place.state === 'done')
  return review(run, 'review', {
    subject: 'answer',
    goal: state.goal,
    criteria: state.goal.criteria,
    inputs: Object.fromEntries(done.flatMap(({ plan, output }) => (output === undefined ? [] : [[plan.id, output]]))),
    output: answer,
    evidence: done.flatMap(({ evidence }) => evidence),
    findings: state.findings,
  })
}

async function review(run: TeamRun, key: string, view: ReviewView): Promise<Review> {
  const given = await askRole(run, { name: 'reviewer', role: run.spec.options.reviewer, key, view, schema: REVIEW_SCHEMA, complaint })
  if (given.ok) return given.answer
  return run.spec.defences.heldReview ? { verdict: 'defect', reasons: [given.problem] } : { verdict: 'ok' }
}
