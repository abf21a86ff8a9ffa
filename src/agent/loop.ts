import type { RunInput } from '../client/entry.ts'
import type { AgentOutcome, RunContext } from '../engine/context.ts'
import { ask } from './ask.ts'
import { checkAnswer } from './check-answer.ts'
import { lastAttempt } from './last-attempt.ts'
import { promptOf } from './messages.ts'
import { reportOf } from './report.ts'
import { isPlanStep, plan } from './plan.ts'
import type { AgentSpec, Turn } from './spec.ts'
import { errorOf, withStep, type Transcript } from './transcript.ts'

/** Runs one agent to its end. Pure control flow: every effect goes through `ctx`, every fault of the model is data. */
export async function runAgent(agent: AgentSpec, input: RunInput, ctx: RunContext): Promise<AgentOutcome> {
  const actor = await agent.open(input, ctx)
  const maxSteps = input.maxSteps ?? agent.maxSteps
  const system = agent.systemPrompt(maxSteps)
  let transcript: Transcript = { agent: agent.name, task: input.task, images: input.images ?? [], context: actor.context, steps: [] }

  for (let step = 1; ; step++) {
    const reason = agent.stopReason(transcript, maxSteps)
    if (reason !== undefined) return lastAttempt(agent, system, transcript, ctx, step, reason)
    await ctx.emit(String(step), 'step-start', { step })
    if (isPlanStep(agent, step)) transcript = withStep(transcript, await plan(agent, system, transcript, ctx, step, maxSteps))

    const reply = await ask(ctx, agent, { step, key: `${step}.model`, prompt: promptOf(system, transcript), ...actor.request })
    const turn = await actor.act(transcript, step, reply)
    const { taken, output } = await judge(agent, transcript, turn, ctx)
    transcript = withStep(transcript, taken)

    const error = errorOf(taken)
    await ctx.emit(String(step), 'step-end', { step, usage: reply.usage, ...(error !== undefined && { error }) })
    if (output !== undefined) return { status: 'done', output: reportOf(agent, ctx, output, transcript) }
  }
}

/** Holds the answer of a turn, if it has one, against what the agent must deliver. */
async function judge(agent: AgentSpec, transcript: Transcript, turn: Turn, ctx: RunContext): Promise<Pick<Turn, 'taken'> & Pick<AgentOutcome, 'output'>> {
  const { taken, answer } = turn
  if (answer === undefined) return { taken }
  const verdict = await checkAnswer(agent, answer, withStep(transcript, taken), ctx, taken.step)
  if (verdict.ok) return { taken, output: verdict.output }
  return { taken: { ...taken, rejected: verdict.reasons } }
}
