import type { RunInput } from '../client/entry.ts'
import type { Agent } from '../agent/agent.ts'
import { ask, type Asker } from '../agent/ask.ts'
import { userMessage } from '../agent/messages.ts'
import type { AgentOutcome, AgentRef, ApprovalAnswer, ChildOutcome, RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { NO_USAGE } from '../client/usage.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import { ALL_TEAM_DEFENCES, type TeamDefences } from './defences.ts'
import { checkEvidence, type Evidence } from './evidence.ts'
import { FIXED_LIMITS } from './limits.ts'
import { questionPrompt } from './prompts/question.prompt.ts'
import { Recording, recorded } from './recording.ts'
import { answerSchema, ASSIGNMENT, assignmentIn, type Assignment, type HandOver, type MemberReport } from './report.ts'

/** What a member may turn to while it does a task. */
export interface Surroundings {
  /** All members of the team. */
  readonly members: readonly Agent[]
  /** Answers questions to the orchestrator; absent: there are none. */
  readonly asker?: Asker
  readonly defences: TeamDefences
}

/**
 * The agent as a member of a team. Given a task of a plan, it answers with a report: its output, with every piece of
 * evidence held against what this very run has recorded. Asked for anything else, it is the agent that it was.
 */
export function memberOf<Output, Name extends string>(agent: Agent<Output, Name>, surroundings: Surroundings): Agent<Output, Name> {
  return {
    ...agent,
    activate: (input, ctx) => {
      const assignment = assignmentIn(input.context)
      return assignment ? doTask(agent, assignment, input, ctx, surroundings) : agent.activate(input, ctx)
    },
    withDefaults: (defaults) => memberOf(agent.withDefaults(defaults), surroundings),
  }
}

/**
 * The agent as a member of teams in other stores, where they know it by `remote`: given a task of a plan it answers with evidence that was
 * held against its own run, as they demand. It can ask the user, but neither colleagues nor the orchestrator, who are not there.
 * The agents of a team that is here are that already.
 */
export function member<Output, Name extends string>(agent: Agent<Output, Name>): Agent<Output, Name> {
  return memberOf(agent, { members: [], defences: ALL_TEAM_DEFENCES })
}

async function doTask(agent: Agent, assignment: Assignment, input: RunInput, ctx: RunContext, around: Surroundings): Promise<AgentOutcome> {
  const { [ASSIGNMENT]: _, ...inputs } = input.context ?? {}
  const recording = new Recording()
  const questions: { question: string; answer: string }[] = []
  const helpers = helpersOf(agent, assignment, around)
  const fitted = agent.fitted?.({
    output: (own) => answerSchema(assignment.output, own),
    answerOf: (answer) => (typeof answer === 'object' && answer !== null && 'output' in answer ? answer.output : answer),
    agents: helpers,
    ...(assignment.tools && { tools: assignment.tools }),
  })
  const own = withQuestions(recorded(ctx, recording), new Set(helpers.map(({ name }) => name)), questions)
  const outcome = await (fitted ?? agent).activate({ ...input, context: inputs }, own)
  if (outcome.output === undefined) return outcome
  const cited = evidenceIn(outcome.output)
  const report: MemberReport = {
    type: 'member-report',
    ...answerIn(outcome.output, agent.kind === 'team'),
    evidence: around.defences.evidenceStands ? checkEvidence(cited, recording.sources(inputs)) : cited,
    questions,
  }
  return { ...outcome, output: JSON.parse(JSON.stringify(report)) as JsonValue }
}

/** The parts of a member's answer; of an agent that answers in its own way, all of it is the output. */
function answerIn(output: JsonValue, isWhole: boolean): Omit<MemberReport, 'type' | 'evidence' | 'questions'> {
  if (isWhole || !isFramed(output)) return { output, notes: [] }
  const { output: value, anomaly, notes, handOver } = output
  return {
    ...(value !== undefined && { output: value }),
    ...(typeof anomaly === 'string' && { anomaly }),
    ...(isObject(handOver) && typeof handOver['to'] === 'string' && { handOver: handOver as JsonObject & HandOver }),
    notes: Array.isArray(notes) ? (notes as MemberReport['notes']) : [],
  }
}

const FRAME: ReadonlySet<string> = new Set(['output', 'evidence', 'anomaly', 'notes', 'handOver'])

function isFramed(output: JsonValue): output is JsonObject {
  if (!isObject(output)) return false
  const keys = Object.keys(output)
  return keys.length > 0 && keys.every((key) => FRAME.has(key)) && ('output' in output || 'anomaly' in output || 'handOver' in output)
}

function evidenceIn(output: JsonValue): readonly Evidence[] {
  const given = isFramed(output) ? output['evidence'] : undefined
  if (!Array.isArray(given)) return []
  return given.flatMap((one: JsonValue) =>
    isObject(one) && typeof one['ref'] === 'string' && typeof one['quote'] === 'string' ? [{ ref: one['ref'], quote: one['quote'] }] : [],
  )
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Colleagues, the orchestrator and the user, as functions of the member. A name that the member calls already is left out. */
function helpersOf(agent: Agent, { colleagues, mayAskUser, brief }: Assignment, { members, asker }: Surroundings): readonly Agent[] {
  const taken = new Set([agent.name, ...agent.agents.map(({ name }) => name), ...(agent.toolNames ?? [])])
  const all = [
    ...members.filter(({ name }) => colleagues.includes(name)),
    ...(asker?.model ? [orchestrator(asker, brief)] : []),
    ...(mayAskUser ? [USER] : []),
  ]
  return all.filter(({ name }) => !taken.has(name))
}

/** Bounds questions and notes them. One too many is answered without being put. */
function withQuestions(ctx: RunContext, names: ReadonlySet<string>, asked: { question: string; answer: string }[]): RunContext {
  let count = 0
  return {
    ...ctx,
    child: async (key, agent: AgentRef, input, signal): Promise<ChildOutcome> => {
      if (!names.has(agent.name)) return ctx.child(key, agent, input, signal)
      count++
      if (count > FIXED_LIMITS.questions) return tooMany(ctx.runId)
      const outcome = await ctx.child(key, agent, input, signal)
      asked.push({ question: `${agent.name}: ${input.task}`, answer: JSON.stringify(outcome.output ?? outcome.error?.message ?? null) })
      return outcome
    },
  }
}

function tooMany(runId: string): ChildOutcome {
  const error = new TroupeError(
    'budget/spent',
    `${FIXED_LIMITS.questions} questions have been asked for this task: go on with what is known`,
  )
  return { status: 'limit', error: error.toJSON(), usage: NO_USAGE, runId }
}

function orchestrator(asker: Asker, brief: string): Agent {
  return helper('askOrchestrator', 'Answers a question about the goal and the state of the work.', async ({ task }, ctx) => {
    const { system, user } = questionPrompt({ question: task, brief })
    const reply = await ask(ctx, asker, { step: 1, key: '1.model', prompt: [{ role: 'system', content: system }, userMessage(user)] })
    return { status: 'done', output: reply.text }
  })
}

const USER = helper(
  'askUser',
  'Puts a question to the user and waits for the answer. Only for what nobody else can know.',
  async ({ task }, ctx) => {
    const answer = await askPerson(ctx, 'question', task)
    return { status: 'done', output: answer }
  },
)

/** Puts a question to a person, who answers by approving with a result; the run may be parked meanwhile. */
export async function askPerson(ctx: RunContext, key: string, question: string): Promise<JsonValue> {
  const given = (await ctx.wait(key, { approval: { reason: 'approval', question } })) as JsonObject & ApprovalAnswer
  if (given.decision === 'reject') return `No answer${given.reason === undefined ? '' : `: ${given.reason}`}. Go on without it.`
  return given.result ?? 'Yes.'
}

function helper(name: string, description: string, activate: Agent['activate']): Agent {
  const agent: Agent = {
    kind: 'tool',
    name,
    description,
    version: '0.0.0',
    agents: [],
    activate,
    run: () => {
      throw new TroupeError('config/invalid', `${name} is part of a team and cannot be run by itself`)
    },
    withDefaults: () => agent,
  }
  return agent
}
