import type { Agent } from './agent.ts'
import type { ActionLog, ApprovalAnswer, CallRecord, ChildOutcome, RunContext } from '../engine/context.ts'
import type { AnswerBody, WaitReason } from '../client/entry.ts'
import { messageOf, TroupeError, type ErrorJson } from '../errors/troupe-error.ts'
import { describeIssues } from '../schema/describe-issues.ts'
import { parse } from '../schema/parse.ts'
import { isRepeatable, needsApproval } from '../tools/approval.ts'
import { parseArguments, runTool } from '../tools/invoke.ts'
import { imageProblem } from '../tools/image.ts'
import { unknownTool } from '../tools/toolset.ts'
import type { AnyTool } from '../tools/tool.ts'
import { decode, encode } from '../util/codec.ts'
import { cutMiddle } from '../util/cut-middle.ts'
import type { JsonObject, JsonValue } from '../util/json.ts'
import type { Callables } from './callables.ts'
import type { ToolVerdict } from './hooks.ts'

/** A call as code or a model asked for it. `args` is tagged JSON text. */
export interface Call {
  readonly call: number
  readonly tool: string
  readonly args: string
}

/** What a call is, decided before anything of it runs. */
export type PlannedCall = Call & { readonly record: CallRecord | undefined } & (
    | { readonly type: 'fault'; readonly error: TroupeError }
    | ({ readonly type: 'agent'; readonly agent: Agent; readonly task: string; readonly context?: JsonObject } & Asking)
    | ({ readonly type: 'tool'; readonly definition: AnyTool; readonly input: unknown } & Asking)
  )

interface Asking {
  /** What a person has to say yes to before the call. */
  readonly asks: readonly WaitReason[]
}

/** Whose call it is. */
export interface CallSite {
  readonly agent: string
  readonly callables: Callables
  readonly ctx: RunContext
  readonly step: number
}

export interface CallScope extends CallSite {
  readonly action: ActionLog
  /** Aborted with the run, and when the code that called is over and nobody waits for the answer. */
  readonly signal: AbortSignal
  readonly answerBytes: number
}

/** Whether a call has to wait for something before it is dispatched: an approval, or a run of its own. */
function hasToWait(plan: PlannedCall): boolean {
  return plan.type === 'agent' || (plan.type === 'tool' && plan.asks.length > 0)
}

/**
 * Logs the calls of a turn in one append. Those that start now are taken from the budget first, so that the log never
 * has a call that the budget refused: a resume would make it. Throws `budget/spent`, and then nothing is started.
 */
export async function logCalls(plans: readonly PlannedCall[], action: ActionLog, ctx: RunContext): Promise<void> {
  const starting = plans.filter((plan) => !hasToWait(plan) && plan.record?.started !== true)
  await takeCalls(ctx, starting.length)
  await action.started(plans.map((plan) => ({ call: plan.call, tool: plan.tool, args: plan.args, asked: hasToWait(plan) })))
}

/** A run whose calls are being counted in the store does not only wait: it must not be parked in between. */
async function takeCalls({ budget, signal, during }: RunContext, count: number): Promise<void> {
  const taking = budget.takeToolCalls(count, signal)
  if (taking) await during(() => taking)
}

/** Finds what a call means, checks its arguments and asks the hooks; what is wrong with it becomes its answer. */
export async function planCall(site: CallSite, call: Call, record: CallRecord | undefined): Promise<PlannedCall> {
  const { callables } = site
  try {
    const args = argumentsOf(call)
    const agent = callables.agent(call.tool)
    if (agent) {
      const input = callables.agentInput(agent, args)
      const asked = await verdictOn(site, call)
      return { ...call, record, type: 'agent', agent, ...input, asks: asked ? ['approval'] : [] }
    }
    const definition = callables.tool(call.tool)
    if (!definition) throw unknownTool(call.tool, callables.names)
    const input = await parseArguments(definition, args, callables.language)
    const asked = await verdictOn(site, call)
    return { ...call, record, type: 'tool', definition, input, asks: reasonsToAsk(definition, input, record, asked) }
  } catch (error) {
    if (isForTheRun(error)) throw error
    return { ...call, record, type: 'fault', error: TroupeError.wrap(error, 'tool/arguments') }
  }
}

function argumentsOf({ tool, args }: Call): unknown {
  let value: unknown
  try {
    value = decode(args)
  } catch (error) {
    throw new TroupeError('tool/arguments', `the arguments of ${tool} cannot be read: ${messageOf(error)}`, { cause: error })
  }
  // Arguments by name are an object: a text is what a model wrote in place of JSON.
  if (typeof value === 'string')
    throw new TroupeError('tool/arguments', `the arguments of ${tool} are no JSON object: ${cutMiddle(value, 200)}`)
  return value
}

/** What the hooks say of a call, asked once and logged. Gives whether a person has to agree; throws `tool/rejected`. */
async function verdictOn({ agent, callables, ctx, step }: CallSite, { call, tool, args }: Call): Promise<boolean> {
  const { beforeTool } = callables.hooks
  if (!beforeTool) return false
  const key = `${step}.${call}`
  const verdict = await ctx.step(`${key}.policy`, async (): Promise<ToolVerdict> => {
    const said = await beforeTool({ agent, callId: `${ctx.runId}:${key}`, tool, args: JSON.parse(args) as JsonValue })
    return said ?? { decision: 'allow' }
  })
  await ctx.emit(key, 'policy', { tool, decision: verdict.decision, rule: verdict.rule ?? verdict.reason ?? 'hook' })
  if (verdict.decision === 'deny') {
    throw new TroupeError(
      'tool/rejected',
      `${tool} was not allowed${verdict.reason === undefined ? '' : `: ${verdict.reason}`}. Do not call it again with the same arguments`,
    )
  }
  return verdict.decision === 'ask'
}

/** Faults that are no answer to a call: they end the run, or its activation. */
function isForTheRun(error: unknown): boolean {
  return TroupeError.is(error) && (error.code.startsWith('engine/') || error.code === 'budget/spent' || error.code === 'run/ended')
}

/** Only a call that was started can have an unknown outcome; then that question takes the place of the approval. */
function reasonsToAsk(tool: AnyTool, input: unknown, record: CallRecord | undefined, asked: boolean): readonly WaitReason[] {
  const isUnknown = record?.started === true && record.answer === null && !isRepeatable(tool.effect)
  if (isUnknown) return ['unknown-outcome']
  // A rule that would say something else today does not undo a question that was put.
  const wasAsked = record !== undefined && !record.started
  return (asked || wasAsked || needsApproval(tool, input)) && record?.started !== true ? ['approval'] : []
}

/**
 * The one way in which agents call anything. What the tool or agent gives, and every fault of it, becomes an answer;
 * only faults of the engine are thrown.
 */
export async function callTool(plan: PlannedCall, scope: CallScope): Promise<CallOutcome> {
  let begun = performance.now()
  const outcome = (answer: AnswerBody): CallOutcome => ({ answer, durationMs: Math.round(performance.now() - begun) })
  try {
    if (plan.type === 'fault') return outcome(errorAnswer(plan.error))
    const decided = await decidedBy(plan, scope)
    begun = performance.now()
    return outcome(decided ?? (plan.type === 'agent' ? await callAgent(plan, scope) : await callFunction(plan, scope)))
  } catch (error) {
    if (isForTheRun(error)) throw error
    return outcome(errorAnswer(TroupeError.wrap(error, 'tool/failed')))
  }
}

/** `durationMs`: what the call itself took, without the time in which a person was asked. */
export interface CallOutcome {
  readonly answer: AnswerBody
  readonly durationMs: number
}

/** Each time that a call is made again without its outcome being known afterwards is a question of its own. */
function outcomeKey(key: string, repeats: number): string {
  return repeats === 0 ? `${key}.outcome` : `${key}.outcome.${repeats + 1}`
}

async function callAgent(plan: Extract<PlannedCall, { type: 'agent' }>, scope: CallScope): Promise<AnswerBody> {
  const { ctx, step, signal, answerBytes } = scope
  const input = { task: plan.task, ...(plan.context && { context: plan.context }) }
  const outcome = await ctx.child(`${step}.${plan.call}`, plan.agent, input, signal)
  if (outcome.status === 'done') return bounded(JSON.stringify(outcome.output ?? null), plan.tool, answerBytes)
  return errorAnswer(childFault(plan.agent.name, outcome))
}

/** An agent that stopped short tells what it had: its caller may find that enough. */
function childFault(agent: string, { status, error, output }: ChildOutcome): TroupeError {
  const best = output === undefined ? '' : ` Its best answer so far: ${JSON.stringify(output)}`
  return new TroupeError('agent/failed', `agent ${agent} ended as '${status}': ${error?.message ?? 'no reason given'}.${best}`)
}

/** Waits for what a person has to say. Gives their answer in the call's place, or nothing when the call is to be made. */
async function decidedBy(
  plan: Extract<PlannedCall, { type: 'agent' | 'tool' }>,
  { ctx, step, answerBytes }: CallScope,
): Promise<AnswerBody | undefined> {
  const key = `${step}.${plan.call}`
  const repeats = plan.record?.repeats ?? 0
  for (const reason of plan.asks) {
    const wait = reason === 'unknown-outcome' ? outcomeKey(key, repeats) : `${key}.approval`
    const approval = { reason, tool: plan.tool, args: JSON.parse(plan.args) as JsonValue, question: questionOf(plan, reason) }
    const answer = (await ctx.wait(wait, { approval })) as JsonObject & ApprovalAnswer
    if (answer.decision === 'reject') return errorAnswer(rejected(plan, reason, answer.reason))
    if (answer.result !== undefined) return givenAnswer(plan, answer.result, answerBytes)
  }
  return undefined
}

/** What a person says a call has given must be what the tool could have given. */
async function givenAnswer(
  plan: Extract<PlannedCall, { type: 'agent' | 'tool' }>,
  result: JsonValue,
  answerBytes: number,
): Promise<AnswerBody> {
  const output = plan.type === 'tool' ? plan.definition.output : undefined
  const parsed = output ? await parse(output, decode(JSON.stringify(result))) : undefined
  if (!parsed || parsed.ok) return bounded(parsed ? encode(parsed.value) : JSON.stringify(result), plan.tool, answerBytes)
  const issues = describeIssues(parsed.issues)
  return errorAnswer(new TroupeError('tool/output', `the result that was given for ${plan.tool} does not fit its output:\n${issues}`))
}

async function callFunction(plan: Extract<PlannedCall, { type: 'tool' }>, scope: CallScope): Promise<AnswerBody> {
  const { ctx, action, agent, callables } = scope
  if (plan.asks.includes('unknown-outcome')) {
    await action.again(plan.call, plan.tool, (plan.record?.repeats ?? 0) + 1)
  } else if (plan.asks.length > 0) {
    if (plan.record?.started !== true) await takeCalls(ctx, 1)
    await action.started([{ call: plan.call, tool: plan.tool, args: plan.args, asked: false }])
  }
  return action.dispatch(plan.call, async ({ idempotencyKey }) => {
    const output = await runTool(plan.definition, plan.input, { signal: scope.signal, idempotencyKey })
    const { afterTool } = callables.hooks
    const seen =
      afterTool && (await afterTool({ agent, callId: idempotencyKey, tool: plan.tool, args: JSON.parse(plan.args) as JsonValue }, output))
    return bounded(encode(seen ? seen.output : output), plan.tool, scope.answerBytes)
  })
}

function questionOf({ tool, args }: Call, reason: WaitReason): string {
  if (reason === 'unknown-outcome')
    return `${tool} was started before a crash and its outcome is not known. Run it again with the same idempotency key? Arguments: ${args}`
  return `May ${tool} be called? Arguments: ${args}`
}

function rejected({ tool }: Call, reason: WaitReason, why: string | undefined): TroupeError {
  const because = why === undefined ? '' : `: ${why}`
  if (reason === 'unknown-outcome')
    return new TroupeError(
      'tool/rejected',
      `${tool} was interrupted, it is not known whether it had its effect, and it was not run again${because}`,
    )
  return new TroupeError('tool/rejected', `${tool} was not allowed${because}. Do not call it again with the same arguments`)
}

/** What a call gave as its answer, unless it is too large or has an image that no model could be shown. */
function bounded(value: string, tool: string, answerBytes: number): AnswerBody {
  // No character takes more than 3 bytes per UTF-16 unit.
  const bytes = value.length * 3 <= answerBytes ? 0 : new TextEncoder().encode(value).length
  const isTooLarge = bytes > answerBytes
  const problem = isTooLarge
    ? `its answer of ${bytes} bytes is larger than the ${answerBytes} that fit: ask it for less`
    : imageFault(value)
  if (problem === undefined) return { ok: true, value }
  return errorAnswer(new TroupeError('tool/output', `${tool} ran, but ${problem}`))
}

function imageFault(value: string): string | undefined {
  const problem = imageProblem(value)
  return problem === undefined ? undefined : `what it gave as an image is none: ${problem}. The tool is at fault, not the arguments`
}

/** How an error looks to the code that called: a name to match on and a message to act on. */
export function errorAnswer(error: TroupeError | ErrorJson): AnswerBody {
  return { ok: false, error: { name: ERROR_NAMES[error.code] ?? 'ToolError', message: messageOf(error) } }
}

const ERROR_NAMES: Readonly<Record<string, string>> = {
  'tool/arguments': 'ArgumentsError',
  'tool/not-found': 'UnknownToolError',
  'tool/failed': 'ToolError',
  'tool/timeout': 'ToolTimeoutError',
  'tool/output': 'ToolOutputError',
  'tool/rejected': 'RejectedError',
  'agent/failed': 'AgentError',
  'run/cancelled': 'CancelledError',
}
