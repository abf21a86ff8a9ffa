import type { JsonSchema } from '../schema/json-schema.ts'
import type { JsonValue } from '../util/json.ts'
import { askRole } from './ask-role.ts'
import type { Route } from './options.ts'
import { clarify, mayAsk } from './people.ts'
import type { TeamRun } from './team-run.ts'
import { routerView } from './views.ts'

const ROUTE_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', enum: ['direct', 'member', 'delegate', 'ask'] },
    answer: { description: 'With direct: the answer.' },
    member: { type: 'string', description: 'With member: its name.' },
    question: { type: 'string', minLength: 1, description: 'With ask.' },
    why: { type: 'string' },
  },
  required: ['type'],
  additionalProperties: false,
}

/** Whether the goal needs members, and which. A router that cannot be understood is no reason to fail: an architect plans then. */
export async function route(run: TeamRun): Promise<Exclude<Route, { type: 'ask' }>> {
  const { spec, board } = run
  const role = spec.options.router
  if (!role && !spec.asker.model) return { type: 'delegate', why: 'the team has no router' }
  for (;;) {
    const given = await askRole(run, {
      name: 'router',
      role,
      key: 'route',
      view: routerView(board.state, spec.views),
      schema: ROUTE_SCHEMA,
      complaint: (answer) => complaint(run, answer),
    })
    if (!given.ok) return { type: 'delegate', why: given.problem }
    if (given.answer.type !== 'ask') return given.answer
    if (!mayAsk(run)) return { type: 'delegate', why: 'no more questions may be put to the user' }
    await clarify(run, 'the router', given.answer.question)
  }
}

function complaint({ spec }: TeamRun, value: JsonValue): string | undefined {
  const answer = value as { readonly type: string; readonly answer?: JsonValue; readonly question?: string; readonly member?: string }
  const names = [...spec.members.keys()]
  if (answer.type === 'direct' && answer.answer === undefined) return "'direct' needs the answer"
  if (answer.type === 'ask' && answer.question === undefined) return "'ask' needs the question"
  if (answer.type === 'member' && !names.includes(answer.member ?? ''))
    return `there is no member '${answer.member ?? ''}'; there are ${names.join(', ')}`
  return undefined
}
