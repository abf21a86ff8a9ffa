import type { Agent } from '../agent/agent.ts'
import { ask } from '../agent/ask.ts'
import { jsonIn } from '../agent/json-in-text.ts'
import { userMessage } from '../agent/messages.ts'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { describeIssues } from '../schema/describe-issues.ts'
import { jsonSchema } from '../schema/document.ts'
import type { JsonSchema } from '../schema/json-schema.ts'
import { parse } from '../schema/parse.ts'
import type { JsonValue } from '../util/json.ts'
import { FIXED_LIMITS } from './limits.ts'
import type { Role } from './options.ts'
import { rolePrompt, roleQuestion, type RoleName } from './prompts/role.prompt.ts'
import { count, spend, takeStep, type TeamRun } from './team-run.ts'
import { shown } from './views.ts'

/** One question to a role. */
export interface RoleQuestionOf<View, Answer> {
  readonly name: RoleName
  /** Who answers; absent: the team's model. */
  readonly role: Role<View, Answer> | undefined
  /** What the key of the question begins with, such as `review.figures`. */
  readonly key: string
  readonly view: View & object
  readonly schema: JsonSchema
  /** Makes of an agent's own answer what the schema wants. */
  readonly framed?: (output: JsonValue) => JsonValue
  /** What is wrong with an answer that fits the schema; nothing when it can be used. */
  readonly complaint?: (answer: JsonValue) => string | undefined
}

export type RoleAnswer<Answer> = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly problem: string }

/**
 * Asks a role and holds its answer against the schema. What cannot be used goes back with what is wrong, a few times.
 * Each question is one logged effect. Throws `budget/spent`, and what ends the run.
 */
export async function askRole<View, Answer>(run: TeamRun, question: RoleQuestionOf<View, Answer>): Promise<RoleAnswer<Answer>> {
  let problem: string | undefined
  for (let n = 0; n <= FIXED_LIMITS.repairs; n++) {
    takeStep(run)
    const given = await put(run, question, `${question.key}.${count(run.asked, question.key)}`, problem)
    const fault = given.ok ? await faultOf(given.value, question) : given.problem
    if (fault === undefined && given.ok) return { ok: true, answer: given.value as Answer }
    problem = fault
  }
  return { ok: false, problem: `the ${question.name} gave no answer that can be used: ${problem}` }
}

type Given = { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly problem: string }

async function put<View, Answer>(
  run: TeamRun,
  question: RoleQuestionOf<View, Answer>,
  key: string,
  problem: string | undefined,
): Promise<Given> {
  const { role } = question
  if (typeof role === 'function') return byRule(run, role, question.view, key)
  if (role) return byAgent(run, role, question, key, problem)
  return byModel(run, question, key, problem)
}

async function byRule<View, Answer>(run: TeamRun, rule: (view: View) => Answer | Promise<Answer>, view: View, key: string): Promise<Given> {
  try {
    const value = await run.ctx.step(key, async () => (await rule(view)) as JsonValue)
    return { ok: true, value }
  } catch (error) {
    if (isForTheRun(error)) throw error
    return { ok: false, problem: `the rule threw: ${messageOf(error)}` }
  }
}

async function byAgent<View, Answer>(
  run: TeamRun,
  agent: Agent,
  { name, view, schema, framed }: RoleQuestionOf<View, Answer>,
  key: string,
  problem: string | undefined,
): Promise<Given> {
  const fitted = agent.fitted?.({ output: (own) => own ?? jsonSchema(schema), answerOf: (answer) => answer, agents: [] }) ?? agent
  const task = `${rolePrompt(name)}\n\n${roleQuestion({ view: shown(view, run.spec.defences), schema: JSON.stringify(schema), ...(problem !== undefined && { problem }) })}`
  // Code can compute with what it is to judge; text alone would have to be copied into it.
  const context = agent.kind === 'code' ? { view: JSON.parse(JSON.stringify(view)) as JsonValue } : {}
  const outcome = await run.ctx.child(key, fitted, { task, context, budget: { timeMs: run.spec.taskTimeMs } })
  spend(run, outcome.usage)
  const { output } = outcome
  if (output === undefined)
    return { ok: false, problem: `${agent.name} ended as '${outcome.status}': ${outcome.error?.message ?? 'no reason given'}` }
  if (framed) return { ok: true, value: framed(output) }
  return typeof output === 'string' && schema['type'] !== 'string' ? read(output) : { ok: true, value: output }
}

async function byModel<View, Answer>(
  run: TeamRun,
  { name, view, schema }: RoleQuestionOf<View, Answer>,
  key: string,
  problem: string | undefined,
): Promise<Given> {
  const text = roleQuestion({
    view: shown(view, run.spec.defences),
    schema: JSON.stringify(schema),
    ...(problem !== undefined && { problem }),
  })
  const reply = await ask(run.ctx, run.spec.asker, {
    step: run.board.state.steps,
    key,
    prompt: [{ role: 'system', content: rolePrompt(name) }, userMessage(text)],
    responseFormat: { type: 'json', schema, name },
  })
  spend(run, reply.usage)
  return read(reply.text)
}

function read(text: string): Given {
  const found = jsonIn(text)
  return found.ok ? { ok: true, value: found.value } : { ok: false, problem: `it is no JSON: ${found.problem}` }
}

async function faultOf<View, Answer>(value: JsonValue, { schema, complaint }: RoleQuestionOf<View, Answer>): Promise<string | undefined> {
  const parsed = await parse(jsonSchema(schema), value)
  if (!parsed.ok) return `it does not fit the schema:\n${describeIssues(parsed.issues)}`
  return complaint?.(value)
}

/** Faults that are no answer of a role: they end the run, or its activation. */
export function isForTheRun(error: unknown): boolean {
  return TroupeError.is(error) && (error.code.startsWith('engine/') || error.code.startsWith('run/') || error.code === 'budget/spent')
}
