import { TroupeError } from '../errors/troupe-error.ts'
import { pythonName } from '../schema/python-name.ts'
import { declareTool, guestFunction } from '../tools/declare.ts'
import { checkNames, type GuestName } from '../tools/names.ts'
import { toolset } from '../tools/toolset.ts'
import type { AnyTool } from '../tools/tool.ts'
import type { GuestFunction, Language } from '../sandbox/sandbox.ts'
import type { JsonObject } from '../util/json.ts'
import type { Agent } from './agent.ts'
import type { Hooks } from './hooks.ts'

/** All that an agent can call by name: its tools and its managed agents. */
export interface Callables {
  readonly language: Language
  readonly names: readonly string[]
  readonly tools: readonly AnyTool[]
  readonly agents: readonly Agent[]
  readonly hooks: Hooks
  tool(name: string): AnyTool | undefined
  agent(name: string): Agent | undefined
  /** Throws `tool/name-clash` when a key would hide a tool or an agent. */
  checkContext(keys: readonly string[]): void
  /** What a call of a managed agent means. Throws `tool/arguments`. */
  agentInput(agent: Agent, args: unknown): { readonly task: string; readonly context?: JsonObject }
  /** As the prompt shows them. */
  declarations(): readonly string[]
  /** As the sandbox binds them. */
  guestFunctions(): readonly GuestFunction[]
}

/** Throws `tool/name-clash` when two names meet in either language, the agent's own among them. */
export function callablesOf(
  name: string,
  tools: readonly AnyTool[],
  agents: readonly Agent[],
  language: Language,
  hooks: Hooks,
): Callables {
  const reserved: readonly GuestName[] = [name, ...agents.map((agent) => agent.name)].map((taken) => ({ name: taken, kind: 'agent' }))
  const set = toolset(tools, { reserved })
  const byName = new Map(agents.flatMap((agent) => [[agent.name, agent] as const, [pythonName(agent.name), agent] as const]))
  return {
    language,
    names: [...tools, ...agents].map((one) => one.name),
    tools,
    agents,
    hooks,
    tool: (wanted) => set.byName.get(wanted),
    agent: (wanted) => byName.get(wanted),
    checkContext: (keys) => {
      if (keys.length > 0)
        checkNames([...reserved, ...set.tools.map((tool): GuestName => ({ name: tool.name, kind: 'tool' })), ...keys.map(contextName)])
    },
    agentInput,
    declarations: () => [...tools.map((tool) => declareTool(tool, language)), ...agents.map((agent) => declareAgent(agent, language))],
    guestFunctions: () => [...tools.map((tool) => guestFunction(tool, language)), ...agents.map((agent) => guestAgent(agent, language))],
  }
}

function contextName(name: string): GuestName {
  return { name, kind: 'context key' }
}

function agentInput(agent: Agent, args: unknown): { task: string; context?: JsonObject } {
  const input = typeof args === 'object' && args !== null ? args : {}
  const task = 'task' in input ? input.task : undefined
  const context = 'context' in input ? input.context : undefined
  if (typeof task !== 'string' || task.trim() === '') throw badInput(agent, 'task must be a text that says all the agent needs to know')
  if (context !== undefined && (typeof context !== 'object' || context === null || Array.isArray(context))) {
    throw badInput(agent, 'context must be an object of JSON values')
  }
  return { task, ...(context !== undefined && { context: JSON.parse(JSON.stringify(context)) as JsonObject }) }
}

function badInput(agent: Agent, what: string): TroupeError {
  return new TroupeError('tool/arguments', `${agent.name}: ${what}. Signature: ${signatureOf(agent, 'typescript')}`)
}

function declareAgent(agent: Agent, language: Language): string {
  const signature = signatureOf(agent, language)
  if (language === 'python') return `${signature}\n    """Agent of your team. ${agent.description}"""`
  return `/** Agent of your team. ${agent.description} */\n${signature}`
}

function guestAgent(agent: Agent, language: Language): GuestFunction {
  return { name: agent.name, parameters: ['task', 'context'], signature: signatureOf(agent, language) }
}

function signatureOf(agent: Agent, language: Language): string {
  if (language === 'python') return `def ${pythonName(agent.name)}(task: str, context: dict | None = None):`
  return `declare function ${agent.name}(input: { task: string; context?: Record<string, unknown> }): Promise<unknown>`
}
