import type { JsonSchema } from '../schema/json-schema.ts'
import { askRole } from './ask-role.ts'
import { applyChanges } from './changes.ts'
import type { Place } from './machine.ts'
import type { Finding } from './options.ts'
import { CHANGES_SCHEMA } from './plan.ts'
import { moveTask, taskOf, type TeamRun } from './team-run.ts'
import { investigatorView } from './views.ts'

const FINDING_SCHEMA: JsonSchema = {
  type: 'object',
  properties: { finding: { type: 'string', minLength: 1 }, next: { type: 'string', enum: ['retry', 'abandon'] }, changes: CHANGES_SCHEMA },
  required: ['finding', 'next'],
  additionalProperties: false,
}

/** Has an anomaly looked into. The finding is kept; it may change the plan, and says whether the task can be done. */
export async function investigate(run: TeamRun, id: string): Promise<Place | null> {
  const task = taskOf(run, id)
  const anomaly = task.defects.slice(-1)
  const { finding, next, changes } = await look(run, id, anomaly)
  if (run.isOver) return null
  run.board.write({ type: 'finding', task: id, finding })
  const refused = changes ? await applyChanges(run, changes, 'the investigator') : []
  if (refused.length > 0)
    run.board.write({ type: 'finding', task: id, finding: `The investigator's changes could not be made: ${refused.join('; ')}` })
  if (next === 'retry') return moveTask(run, id, 'explained', finding)
  if (changes && refused.length === 0) run.acknowledged.add(id)
  return moveTask(run, id, 'dropped', finding)
}

async function look(run: TeamRun, id: string, anomaly: readonly string[]): Promise<Finding> {
  const { spec, board } = run
  const role = spec.options.investigator
  if (!role && !spec.asker.model) return { finding: `Nobody looked into it: ${anomaly.join('; ')}`, next: 'retry' }
  const given = await askRole(run, {
    name: 'investigator',
    role,
    key: `investigate.${id}`,
    view: investigatorView(board.state, taskOf(run, id), anomaly, spec.views),
    schema: FINDING_SCHEMA,
  })
  return given.ok ? given.answer : { finding: given.problem, next: 'abandon' }
}
