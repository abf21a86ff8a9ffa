import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AnswerBody } from '../client/entry.ts'
import type { ActionLog, RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { ModelReply, RequestedToolCall } from '../models/model.ts'
import { limitsOf } from '../sandbox/limits.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import { encode } from '../util/codec.ts'
import { cutMiddle } from '../util/cut-middle.ts'
import type { AgentDefaults, AnyAgentOptions } from './agent.ts'
import { callTool, errorAnswer, logCalls, planCall, type Call, type CallOutcome, type PlannedCall } from './call-tool.ts'
import { callablesOf, type Callables } from './callables.ts'
import { contextAsText, readContextTool } from './context-text.ts'
import { answerText, imageAnswer, openGallery, type Gallery } from './images.ts'
import { callsInText, FINAL_ANSWER, finalAnswerIn, nativeTools } from './native-tools.ts'
import { commonSpec, type Actor, type AgentSpec, type Turn } from './spec.ts'
import type { CallResult, Step } from './transcript.ts'

/** Settles the options of an agent that acts by calling tools. Throws `tool/name-clash`. */
export function toolAgentSpec(options: AnyAgentOptions, defaults: AgentDefaults): AgentSpec {
  const { name, tools = [], agents = [], output, instructions } = options
  const common = commonSpec(options, defaults)
  const callablesFor = (extra: typeof tools): Callables => callablesOf(name, [...tools, ...extra], agents, 'typescript', common.hooks)
  const callables = callablesFor([])
  return {
    ...common,
    systemPrompt: (maxSteps) =>
      common.prompts.toolAgent({
        name,
        maxSteps,
        agents: agents.map((agent) => agent.name),
        notFor: tools.flatMap((tool) => (tool.notFor === undefined ? [] : [{ tool: tool.name, notFor: tool.notFor }])),
        ...(instructions !== undefined && { instructions }),
        ...(output && { schema: JSON.stringify(jsonSchemaOf(output, 'input')) }),
      }),
    open: async (input) => {
      const reader = readContextTool(input.context ?? {})
      return openToolActor(name, reader ? callablesFor([reader]) : callables, output, limitsOf(defaults.limits).answerBytes)
    },
  }
}

function openToolActor(agent: string, callables: Callables, output: StandardSchemaV1 | undefined, answerBytes: number): Actor {
  return {
    request: { tools: nativeTools(callables, output) },
    contextText: contextAsText,
    startFresh: () => Promise.resolve(),
    act: (ctx, _transcript, step, reply) =>
      actByCalls({ agent, callables, ctx, hasOutput: output !== undefined, answerBytes }, step, reply),
  }
}

interface ToolActor {
  readonly agent: string
  readonly callables: Callables
  readonly ctx: RunContext
  readonly hasOutput: boolean
  readonly answerBytes: number
}

/** The calls are made, or the answer is there, or the model is told what is wrong. */
async function actByCalls(actor: ToolActor, step: number, reply: ModelReply): Promise<Turn> {
  const found = reply.toolCalls.length > 0 ? { ok: true as const, calls: reply.toolCalls } : callsInText(reply.text, actor.callables)
  if (!found.ok) return { taken: { type: 'fault', step, reply, fault: found.fault } }
  if (found.calls.length === 0) return answerInWords(actor, step, reply)

  const calls = withUniqueIds(found.calls)
  const isNative = reply.toolCalls.length > 0
  const final = calls.find((call) => call.name === FINAL_ANSWER)
  if (!final) return { taken: taken(step, reply, await makeCalls(actor, step, calls), isNative) }
  if (calls.length > 1) {
    return {
      taken: taken(
        step,
        reply,
        calls.map((call) => result(call, errorAnswer(FINAL_NOT_ALONE))),
        isNative,
      ),
    }
  }
  const answer = finalAnswerIn(final.input)
  if (!answer.ok) return { taken: taken(step, reply, [result(final, errorAnswer(answer.error))], isNative) }
  return { taken: taken(step, reply, [result(final, { ok: true, value: '"received"' })], isNative), answer: answer.value }
}

const FINAL_NOT_ALONE = new TroupeError(
  'tool/arguments',
  `${FINAL_ANSWER} was called together with other calls, so nothing was called: make the other calls first, look at their results, then call ${FINAL_ANSWER} alone`,
)

/** Without a call, the model's text is its answer, or the image that it made; one that is asked for by a schema must be JSON. */
function answerInWords({ hasOutput }: ToolActor, step: number, reply: ModelReply): Turn {
  const images = imageAnswer(reply)
  if (reply.text.trim() === '') {
    if (images !== undefined) return { taken: { type: 'answer', step, reply }, answer: images }
    return {
      taken: { type: 'fault', step, reply, fault: `Your answer was empty. Call a tool, or ${FINAL_ANSWER} when you have the answer.` },
    }
  }
  if (!hasOutput) return { taken: { type: 'answer', step, reply }, answer: JSON.stringify(reply.text) }
  const answer = finalAnswerIn(reply.text)
  if (answer.ok) return { taken: { type: 'answer', step, reply }, answer: answer.value }
  if (images !== undefined) return { taken: { type: 'answer', step, reply }, answer: images } // The words are about it.
  return { taken: { type: 'fault', step, reply, fault: `Your answer is not what is asked for: call ${FINAL_ANSWER} with it.` } }
}

/** All calls of a step at once; results in call order, each fault its own. */
async function makeCalls(
  { agent, callables, ctx, answerBytes }: ToolActor,
  step: number,
  calls: readonly RequestedToolCall[],
): Promise<readonly CallResult[]> {
  const site = { agent, callables, ctx, step }
  const action = await ctx.action(step)
  const recorded = new Map(action.recorded.map((record) => [record.call, record]))
  const open = calls.map((call, i): Call => ({ call: i + 1, tool: call.name, args: asEncoded(call.input) }))
  const live = open.filter((call) => recorded.get(call.call)?.answer == null)
  const answers = new Map(action.recorded.flatMap((record) => (record.answer ? [[record.call, record.answer] as const] : [])))
  try {
    const plans = await Promise.all(live.map((call) => planCall(site, call, recorded.get(call.call))))
    await logCalls(plans, action, ctx)
    const scope = { ...site, action, signal: ctx.signal, answerBytes }
    action.quiet(true)
    await Promise.all(plans.map(async (plan) => answers.set(plan.call, await settle(action, plan, callTool(plan, scope)))))
  } finally {
    action.close()
  }
  const gallery = openGallery()
  return calls.map((call, i) =>
    result(call, answers.get(i + 1) ?? errorAnswer(new TroupeError('internal/unreachable', 'the call has no answer')), gallery),
  )
}

async function settle(action: ActionLog, plan: PlannedCall, calling: Promise<CallOutcome>): Promise<AnswerBody> {
  const { answer, durationMs } = await calling
  await action.settled([{ call: plan.call, tool: plan.tool, answer, durationMs, agent: plan.type === 'agent' }])
  return answer
}

/** The model's JSON as tagged JSON text, so that a key that looks like a tag is only a key; what is no JSON becomes a text, which no tool takes. */
function asEncoded(input: string): string {
  try {
    return encode(JSON.parse(input))
  } catch {
    return encode(input)
  }
}

function taken(step: number, reply: ModelReply, results: readonly CallResult[], isNative: boolean): Step {
  return { type: 'calls', step, reply, results, ...(!isNative && { isInText: true }) }
}

/** Models repeat ids; providers and logs need each to be one call. */
function withUniqueIds(calls: readonly RequestedToolCall[]): readonly RequestedToolCall[] {
  const seen = new Set<string>()
  return calls.map((call, i) => {
    const id = call.id === '' || seen.has(call.id) ? `${call.id || 'call'}_${i + 1}` : call.id
    seen.add(id)
    return { ...call, id }
  })
}

const MAX_RESULT = 20_000

function result(call: RequestedToolCall, answer: AnswerBody, gallery: Gallery = openGallery()): CallResult {
  const before = gallery.images.length
  const text = answer.ok ? answerText(answer.value, gallery) : `${answer.error.name}: ${answer.error.message}`
  const images = gallery.images.slice(before)
  return { id: call.id, tool: call.name, text: cutMiddle(text, MAX_RESULT), isError: !answer.ok, ...(images.length > 0 && { images }) }
}
