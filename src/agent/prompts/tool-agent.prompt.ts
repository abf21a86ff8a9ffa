/** Changes with the text. */
export const TOOL_AGENT_PROMPT_VERSION = '1'

export interface ToolAgentPrompt {
  readonly name: string
  readonly instructions?: string
  readonly maxSteps: number
  /** Names of managed agents, which are called as tools are. */
  readonly agents: readonly string[]
  /** What each tool must not be used for. */
  readonly notFor: readonly { readonly tool: string; readonly notFor: string }[]
  /** JSON Schema text of the final answer, where one is asked for. */
  readonly schema?: string
}

/** The system text of an agent that acts by calling tools. */
export function toolAgentPrompt({ name, instructions, maxSteps, agents, notFor, schema }: ToolAgentPrompt): string {
  const rules = [
    `You have at most ${maxSteps} steps; in each you may call several tools at once when they do not need each other's results.`,
    'Call a tool only when it brings the answer closer. Do not repeat a call that has succeeded.',
    ...notFor.map((one) => `Do not use ${one.tool} for: ${one.notFor}`),
    ...(agents.length === 0
      ? []
      : [`${agents.join(', ')}: agents of your team. Each knows only what its task says, so put all that it needs into the task.`]),
    'After an error, correct the cause or try another way.',
    'Say only what results show. When a result is missing or odd, say so; never make up a value.',
    schema === undefined
      ? 'When you have the answer, call finalAnswer alone, or simply answer without calling a tool.'
      : `When you have the answer, call finalAnswer alone, with an answer that fits this JSON Schema:\n${schema}`,
  ]
  return [
    `You are ${name}, an agent that solves a task by calling tools.`,
    `## Rules\n${rules.map((rule) => `- ${rule}`).join('\n')}`,
    ...(instructions === undefined ? [] : [`## Instructions\n${instructions}`]),
  ].join('\n\n')
}
