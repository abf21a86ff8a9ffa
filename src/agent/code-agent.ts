import { TroupeError } from '../errors/troupe-error.ts'
import type { AgentOutcome, RunContext } from '../engine/context.ts'
import type { RunInput } from '../client/entry.ts'
import type { ModelReply } from '../models/model.ts'
import { encode } from '../util/codec.ts'
import type { JsonValue } from '../util/json.ts'
import { ask } from './ask.ts'
import { checkAnswer } from './check-answer.ts'
import type { CodeAgentSpec } from './code-agent-spec.ts'
import { promptOf } from './messages.ts'
import { describeError, observationOf } from './observation.ts'
import { parseCode } from './parse-code.ts'
import { contextPrompt } from './prompts/context.prompt.ts'
import { runCode, type ActionEnd, type CodeRunner, type CodeStep } from './run-code.ts'
import { RunSession } from './sessions.ts'
import { errorOf, withStep, type Step, type Transcript } from './transcript.ts'

/** Runs one code agent to its end. Pure control flow: every effect goes through `ctx`, every fault of the model is data. */
export async function runCodeAgent(agent: CodeAgentSpec, input: RunInput, ctx: RunContext): Promise<AgentOutcome> {
  const runner = await openRunner(agent, input, ctx)
  const maxSteps = input.maxSteps ?? agent.maxSteps
  const system = agent.systemPrompt(maxSteps)
  let transcript = openTranscript(agent, input)

  for (let step = 1; ; step++) {
    const stop = agent.stopReason(transcript, maxSteps)
    if (stop !== undefined) return limited(stop)

    await ctx.emit(String(step), 'step-start', { step })
    const reply = await ask(ctx, { agent: agent.name, model: agent.model, step, key: `${step}.model`, prompt: promptOf(system, transcript) })
    const { taken, answer } = await act(agent, runner, transcript, step, reply)
    transcript = withStep(transcript, taken)
    const error = errorOf(taken)
    await ctx.emit(String(step), 'step-end', { step, usage: reply.usage, ...(error !== undefined && { error }) })
    if (answer !== undefined) return { status: 'done', output: answer }
  }
}

/** What one answer of the model led to; with an `answer`, the run is done. */
interface Turn {
  readonly taken: Step
  readonly answer?: JsonValue
}

async function act(agent: CodeAgentSpec, runner: CodeRunner, transcript: Transcript, step: number, reply: ModelReply): Promise<Turn> {
  const { ctx, isolation } = runner
  const parsed = parseCode(reply.text, agent.language, reply.finishReason)
  if (!parsed.ok) return { taken: { type: 'fault', step, reply, fault: parsed.fault } }

  const { code } = parsed
  await ctx.emit(`${step}.code`, 'code', { step, language: agent.language, code, isolation })
  const end = await runCode(runner, { step, code }, codeStepsOf(transcript))
  const observation = observationOf(end.execution, end.prints)
  if (end.execution.type !== 'final-answer') return { taken: { type: 'action', step, reply, code, observation, ...errorIn(end) } }

  const verdict = await ctx.during(() => checkAnswer(agent, end.execution.type === 'final-answer' ? end.execution.value : ''))
  if (!verdict.ok) return { taken: { type: 'rejected', step, reply, code, observation, reasons: verdict.reasons } }
  return { taken: { type: 'action', step, reply, code, observation }, answer: JSON.parse(encode(verdict.output)) as JsonValue }
}

async function openRunner(agent: CodeAgentSpec, input: RunInput, ctx: RunContext): Promise<CodeRunner> {
  const sandbox = await ctx.during(agent.sandbox)
  if (!sandbox.languages.includes(agent.language)) {
    throw new TroupeError('sandbox/unavailable', `agent ${agent.name} writes ${agent.language}, which sandbox ${sandbox.name} does not run`)
  }
  const { limits, language, callables } = agent
  const context = input.context ?? {}
  callables.checkContext(Object.keys(context))
  const session = new RunSession(ctx, { sandbox: async () => sandbox, language, limits, tools: callables.guestFunctions, context })
  return { ctx, session, callables, isolation: sandbox.capabilities.isolation, answerBytes: limits.answerBytes }
}

function openTranscript(agent: CodeAgentSpec, { task, context, images }: RunInput): Transcript {
  return { agent: agent.name, task, images: images ?? [], context: contextPrompt(context ?? {}), steps: [] }
}

function codeStepsOf({ steps }: Transcript): readonly CodeStep[] {
  return steps.flatMap((step) => (step.type === 'fault' ? [] : [{ step: step.step, code: step.code }]))
}

function errorIn({ execution }: ActionEnd): { error: string } | undefined {
  return execution.type === 'error' ? { error: describeError(execution.error) } : undefined
}

function limited(why: string): AgentOutcome {
  return { status: 'limit', error: new TroupeError('budget/spent', why).toJSON() }
}
