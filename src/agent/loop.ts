import type { RunInput } from '../client/entry.ts'
import type { AgentOutcome, PastRun, RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { ask } from './ask.ts'
import { checkAnswer } from './check-answer.ts'
import { checkBudget, checkWhole } from './check-limits.ts'
import { lastAttempt } from './last-attempt.ts'
import { promptOf } from './messages.ts'
import { reportOf } from './report.ts'
import { isPlanStep, plan } from './plan.ts'
import type { Actor, AgentSpec, Turn } from './spec.ts'
import { errorOf, withStep, type Transcript } from './transcript.ts'

/** Runs one agent to its end. Pure control flow: every effect goes through `ctx`, every fault of the model is data. */
export async function runAgent(agent: AgentSpec, input: RunInput, ctx: RunContext): Promise<AgentOutcome> {
  checkWhole(agent.name, 'maxSteps of the run', input.maxSteps, 0)
  checkBudget(agent.name, input.budget)
  const past = await ctx.history()
  const actor = await agent.open(
    input,
    ctx,
    past.map((run) => run.input),
  )
  const earlier: Transcript[] = []
  for (const run of past) earlier.push(await lookBack(agent, actor, run))
  if (input.freshSandbox) await actor.startFresh()
  return runSteps(agent, actor, input, ctx, { ...emptyTranscript(agent, actor, input), earlier }, () => {})
}

/** Goes through an ended run of the session again, all from its log: gives its words, and leaves its variables in the sandbox. */
async function lookBack(agent: AgentSpec, actor: Actor, { input, ctx }: PastRun): Promise<Transcript> {
  let transcript = emptyTranscript(agent, actor, input)
  try {
    await runSteps(agent, actor, input, ctx, transcript, (grown) => {
      transcript = grown
    })
  } catch (error) {
    if (!TroupeError.is(error, 'run/ended')) throw error // The run was cut short there: what it has done until then counts.
  }
  return transcript
}

/** The steps of one run; `onGrown` is told of the transcript after each. */
async function runSteps(
  agent: AgentSpec,
  actor: Actor,
  input: RunInput,
  ctx: RunContext,
  begun: Transcript,
  onGrown: (transcript: Transcript) => void,
): Promise<AgentOutcome> {
  const maxSteps = input.maxSteps ?? agent.maxSteps
  const system = agent.systemPrompt(maxSteps)
  let transcript = begun

  for (let step = 1; ; step++) {
    const reason = agent.stopReason(transcript, maxSteps)
    if (reason !== undefined) return lastAttempt(agent, system, transcript, ctx, step, reason)
    await ctx.emit(String(step), 'step-start', { step })
    if (isPlanStep(agent, step)) transcript = withStep(transcript, await plan(agent, system, transcript, ctx, step, maxSteps))

    const reply = await ask(ctx, agent, {
      step,
      key: `${step}.model`,
      prompt: promptOf(agent.prompts, system, transcript),
      ...actor.request,
    })
    const turn = await actor.act(ctx, transcript, step, reply)
    const { taken, output } = await judge(agent, transcript, turn, ctx)
    transcript = withStep(transcript, taken)
    onGrown(transcript)

    const error = errorOf(taken)
    await ctx.emit(String(step), 'step-end', { step, usage: reply.usage, ...(error !== undefined && { error }) })
    if (output !== undefined) return { status: 'done', output: reportOf(agent, ctx, output, transcript) }
  }
}

function emptyTranscript(agent: AgentSpec, actor: Actor, { task, images, context }: RunInput): Transcript {
  return { agent: agent.name, task, images: images ?? [], context: actor.contextText(context ?? {}), steps: [], earlier: [] }
}

/** Holds the answer of a turn, if it has one, against what the agent must deliver. */
async function judge(
  agent: AgentSpec,
  transcript: Transcript,
  turn: Turn,
  ctx: RunContext,
): Promise<Pick<Turn, 'taken'> & Pick<AgentOutcome, 'output'>> {
  const { taken, answer } = turn
  if (answer === undefined) return { taken }
  const verdict = await checkAnswer(agent, answer, withStep(transcript, taken), ctx, taken.step)
  if (verdict.ok) return { taken, output: verdict.output }
  return { taken: { ...taken, rejected: verdict.reasons } }
}
