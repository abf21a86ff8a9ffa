import type { RunContext } from '../engine/context.ts'
import { ask } from './ask.ts'
import { promptOf, userMessage } from './messages.ts'
import type { AgentSpec } from './spec.ts'
import type { Step, Transcript } from './transcript.ts'

/** Whether a plan is made before this step: the first, and every `planEvery` steps after it. */
export function isPlanStep({ planEvery }: AgentSpec, step: number): boolean {
  return planEvery !== undefined && (step - 1) % planEvery === 0
}

/** Has the model make its first plan, or bring it up to date with what has been done. */
export async function plan(
  agent: AgentSpec,
  system: string,
  transcript: Transcript,
  ctx: RunContext,
  step: number,
  maxSteps: number,
): Promise<Step> {
  const question = agent.prompts.plan({ remainingSteps: maxSteps - step + 1, isUpdate: transcript.steps.length > 0 })
  const prompt = [...promptOf(agent.prompts, system, transcript), userMessage(question)]
  const reply = await ask(ctx, agent, { step, key: `${step}.plan`, prompt })
  await ctx.emit(`${step}.plan`, 'plan', { step, plan: reply.text })
  return { type: 'plan', step, reply }
}
