import { CODE_AGENT_PROMPT_VERSION, codeAgentPrompt, type CodeAgentPrompt } from './code-agent.prompt.ts'
import { LAST_ATTEMPT_PROMPT_VERSION, lastAttemptPrompt, type LastAttemptPrompt } from './last-attempt.prompt.ts'
import { carryOutPrompt, PLAN_PROMPT_VERSION, planPrompt, type PlanPrompt } from './plan.prompt.ts'
import { TOOL_AGENT_PROMPT_VERSION, toolAgentPrompt, type ToolAgentPrompt } from './tool-agent.prompt.ts'

/** All that an agent says to its model besides the task and results: functions of typed variables, each replaceable. */
export interface PromptTemplates {
  /** Recorded with each run, so that a log tells which texts its model had. */
  readonly version: string
  /** The system text of a code agent. */
  readonly codeAgent: (variables: CodeAgentPrompt) => string
  /** The system text of a tool agent. */
  readonly toolAgent: (variables: ToolAgentPrompt) => string
  readonly plan: (variables: PlanPrompt) => string
  /** Follows each plan. */
  readonly carryOut: () => string
  readonly lastAttempt: (variables: LastAttemptPrompt) => string
}

/** Templates of one's own in place of ours; `version` names them. */
export type PromptOverrides = Partial<PromptTemplates> & Pick<PromptTemplates, 'version'>

const OURS: PromptTemplates = {
  version: `code-agent.${CODE_AGENT_PROMPT_VERSION} tool-agent.${TOOL_AGENT_PROMPT_VERSION} plan.${PLAN_PROMPT_VERSION} last-attempt.${LAST_ATTEMPT_PROMPT_VERSION}`,
  codeAgent: codeAgentPrompt,
  toolAgent: toolAgentPrompt,
  plan: planPrompt,
  carryOut: carryOutPrompt,
  lastAttempt: lastAttemptPrompt,
}

export function promptsOf(overrides: PromptOverrides | undefined): PromptTemplates {
  return { ...OURS, ...overrides }
}
