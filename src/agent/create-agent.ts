import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Runtime } from '../engine/runtime.ts'
import { strongerOf } from '../sandbox/isolation.ts'
import { checkName } from '../tools/names.ts'
import type { Agent, AgentDefaults, AgentFit, AnyAgentOptions, Check, CodeAgentOptions, OutputOf, ToolAgentOptions } from './agent.ts'
import { checkBudget, checkKeys, checkWhole } from './check-limits.ts'
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
export function createCodeAgent<Output extends Schema, Name extends string>(
  host: AgentHost,
  options: CodeAgentOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createAgent(host, 'code', options, {}, (changed, defaults) => codeAgentSpec({ ...options, ...changed }, defaults, host.sandbox))
}

/** Makes an agent that acts by calling tools. Throws as `createCodeAgent` does. */
export function createToolAgent<Output extends Schema, Name extends string>(
  host: AgentHost,
  options: ToolAgentOptions<Output, Name>,
): Agent<OutputOf<Output>, Name> {
  return createAgent(host, 'tool', options, {}, (changed, defaults) => toolAgentSpec({ ...options, ...changed }, defaults))
}

function createAgent<Output, Name extends string>(
  host: AgentHost,
  kind: 'code' | 'tool',
  options: AnyAgentOptions & { readonly name: Name },
  defaults: AgentDefaults,
  settle: (changed: Partial<AnyAgentOptions>, defaults: AgentDefaults) => AgentSpec,
): Agent<Output, Name> {
  checkOptions(kind, options)
  const agents = agentsOf(options.agents ?? [], defaults)
  const spec = settle({ agents }, defaults)
  const agent: Agent<Output, Name> = {
    kind,
    name: options.name,
    description: options.description,
    agents,
    version: options.version ?? '0.0.0',
    ...(options.budget && { budget: options.budget }),
    promptVersion: spec.prompts.version,
    ...(spec.model && { modelId: spec.model.modelId }),
    spreads: agents.some((called) => called.placement !== undefined || called.spreads === true),
    activate: (input, ctx) => runAgent(spec, input, ctx),
    run: (task, runOptions) => host.runtime().run(agent, task, runOptions),
    withDefaults: (further) => createAgent(host, kind, options, mergedDefaults(defaults, further), settle),
    toolNames: (options.tools ?? []).map((one) => one.name),
    fitted: (fit) => {
      const changes = changesFor(options, fit)
      return createAgent(host, kind, { ...options, ...changes }, defaults, (changed, given) => settle({ ...changes, ...changed }, given))
    },
  }
  return agent
}

/** Its own checks go on looking at what they were written for. */
function changesFor({ agents = [], checks = [], output, tools = [] }: AnyAgentOptions, fit: AgentFit): Partial<AnyAgentOptions> {
  const allowed = fit.tools
  return {
    output: fit.output(output),
    checks: (checks as readonly Check[]).map((check): Check => {
      const fitted: Check = (answer, transcript) => check(fit.answerOf(answer), transcript)
      return Object.defineProperty(fitted, 'name', { value: check.name })
    }),
    tools: allowed ? tools.filter(({ name }) => allowed.includes(name)) : tools,
    agents: [...agents, ...fit.agents],
    reportSteps: false,
  }
}

/** Managed agents take the same defaults as the agent that calls them. */
export function agentsOf(agents: readonly Agent[], defaults: AgentDefaults): readonly Agent[] {
  return Object.keys(defaults).length === 0 ? agents : agents.map((agent) => agent.withDefaults(defaults))
}

/** What was given first stays; only models may be wrapped more than once. */
export function mergedDefaults(defaults: AgentDefaults, further: AgentDefaults): AgentDefaults {
  const inner = defaults.wrapModel
  const outer = further.wrapModel
  const minimumIsolation = strongerOf(defaults.minimumIsolation, further.minimumIsolation)
  return {
    ...further,
    ...defaults,
    ...(minimumIsolation && { minimumIsolation }),
    ...(inner && outer && { wrapModel: (model) => outer(inner(model)) }),
  }
}

const COMMON_KEYS: readonly (keyof AnyAgentOptions)[] = [
  'name',
  'description',
  'version',
  'instructions',
  'prompts',
  'model',
  'tools',
  'agents',
  'output',
  'maxSteps',
  'stopWhen',
  'checks',
  'planEvery',
  'budget',
  'prices',
  'maxOutputTokens',
  'hooks',
  'reportSteps',
]
const CODE_KEYS: readonly (keyof CodeAgentOptions<Schema>)[] = ['language', 'sandbox', 'limits', 'structured', 'minimumIsolation']

function checkOptions(kind: 'code' | 'tool', options: AnyAgentOptions): void {
  const { name, description, maxSteps, planEvery, maxOutputTokens, budget } = options
  checkName(name, 'agent')
  checkKeys(`agent '${name}'`, options, kind === 'code' ? [...COMMON_KEYS, ...CODE_KEYS] : COMMON_KEYS)
  if (typeof description !== 'string' || description.trim() === '') {
    throw new TroupeError('config/invalid', `agent '${name}': description must be a text that says what it is for`)
  }
  checkWhole(name, 'maxSteps', maxSteps, 0)
  checkWhole(name, 'planEvery', planEvery, 1)
  checkWhole(name, 'maxOutputTokens', maxOutputTokens, 1)
  checkBudget(name, budget)
}
