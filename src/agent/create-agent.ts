import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Runtime } from '../engine/runtime.ts'
import { checkName } from '../tools/names.ts'
import type { Agent, AgentDefaults, AnyAgentOptions, CodeAgentOptions, OutputOf, ToolAgentOptions } from './agent.ts'
import { codeAgentSpec, type DefaultSandbox } from './code-agent.ts'
import { runAgent } from './loop.ts'
import type { AgentSpec } from './spec.ts'
import { toolAgentSpec } from './tool-agent.ts'

type Schema = StandardSchemaV1 | undefined

/** What agents need of the program that they are part of; the root door gives it. */
export interface AgentHost {
  /** Runs agents that are started without a runtime. */
  readonly runtime: () => Runtime
  readonly sandbox: DefaultSandbox
}

/** Makes an agent that acts by writing code. Throws `tool/bad-name`, `tool/name-clash` and `config/invalid`. */
export function createCodeAgent<Output extends Schema>(host: AgentHost, options: CodeAgentOptions<Output>): Agent<OutputOf<Output>> {
  return createAgent(host, 'code', options, {}, (defaults) => codeAgentSpec(withAgents(options, defaults), defaults, host.sandbox))
}

/** Makes an agent that acts by calling tools. Throws as `createCodeAgent` does. */
export function createToolAgent<Output extends Schema>(host: AgentHost, options: ToolAgentOptions<Output>): Agent<OutputOf<Output>> {
  return createAgent(host, 'tool', options, {}, (defaults) => toolAgentSpec(withAgents(options, defaults), defaults))
}

function createAgent<Output>(
  host: AgentHost,
  kind: Agent['kind'],
  options: AnyAgentOptions,
  defaults: AgentDefaults,
  settle: (defaults: AgentDefaults) => AgentSpec,
): Agent<Output> {
  checkOptions(options)
  const spec = settle(defaults)
  const agent: Agent<Output> = {
    kind,
    name: options.name,
    description: options.description,
    version: options.version ?? '0.0.0',
    ...(options.budget && { budget: options.budget }),
    promptVersion: spec.prompts.version,
    activate: (input, ctx) => runAgent(spec, input, ctx),
    run: (task, runOptions) => host.runtime().run(agent, task, runOptions),
    withDefaults: (further) => createAgent(host, kind, options, { ...further, ...defaults }, settle),
  }
  return agent
}

/** Managed agents take the same defaults as the agent that calls them. */
function withAgents<Options extends AnyAgentOptions>(options: Options, defaults: AgentDefaults): Options {
  if (!options.agents || Object.keys(defaults).length === 0) return options
  return { ...options, agents: options.agents.map((agent) => agent.withDefaults(defaults)) }
}

function checkOptions({ name, description, maxSteps, planEvery }: AnyAgentOptions): void {
  checkName(name, 'agent')
  if (typeof description !== 'string' || description.trim() === '') {
    throw new TroupeError('config/invalid', `agent '${name}': description must be a text that says what it is for`)
  }
  checkWhole(name, 'maxSteps', maxSteps, 0)
  checkWhole(name, 'planEvery', planEvery, 1)
}

function checkWhole(name: string, option: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return
  throw new TroupeError('config/invalid', `agent '${name}': ${option} must be a whole number from ${least}, not ${value}`)
}
