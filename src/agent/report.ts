import type { RunContext } from '../engine/context.ts'
import { cutMiddle } from '../util/cut-middle.ts'
import type { JsonValue } from '../util/json.ts'
import { assertNever } from '../util/assert-never.ts'
import type { AgentSpec } from './spec.ts'
import type { Step, Transcript } from './transcript.ts'

const MAX_STEP_CHARS = 2_000

/** What a caller gets: the answer, or, of a managed agent that reports its steps, the answer with a summary of them. */
export function reportOf({ reportSteps }: AgentSpec, ctx: RunContext, answer: JsonValue, transcript: Transcript): JsonValue {
  const isManaged = ctx.runId.includes('-')
  return reportSteps && isManaged ? { answer, summary: transcript.steps.map(summaryOf).join('\n\n') } : answer
}

function summaryOf(step: Step): string {
  return cutMiddle(`Step ${step.step}: ${textOf(step)}${step.rejected === undefined ? '' : `\n${step.rejected}`}`, MAX_STEP_CHARS)
}

function textOf(step: Step): string {
  switch (step.type) {
    case 'plan':
      return `plan\n${step.reply.text}`
    case 'code':
      return `code\n${step.code}\n${step.observation}`
    case 'calls':
      return step.results.map(({ tool, text }) => `${tool}: ${text}`).join('\n')
    case 'answer':
    case 'last':
      return step.reply.text
    case 'fault':
      return step.fault
    default:
      return assertNever(step)
  }
}
