import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Runtime } from '../engine/runtime.ts'
import { checkName } from '../tools/names.ts'
import type { Agent, AgentDefaults, CodeAgentOptions, OutputOf } from './agent.ts'
import { codeAgentSpec, type DefaultSandbox } from './code-agent-spec.ts'
import { runCodeAgent } from './code-agent.ts'

/** What agents need of the program that they are part of; the root door gives it. */
export interface AgentHost {
  /** Runs agents that are started without a runtime. */
  readonly runtime: () => Runtime
  readonly sandbox: DefaultSandbox
}

/** Makes a code agent. Throws `tool/bad-name`, `tool/name-clash` and `config/invalid`. */
export function createCodeAgent<Output extends StandardSchemaV1 | undefined>(
  host: AgentHost,
  options: CodeAgentOptions<Output>,
  defaults: AgentDefaults = {},
): Agent<OutputOf<Output>> {
  checkOptions(options)
  const agents = (options.agents ?? []).map((agent) => agent.withDefaults(defaults))
  const spec = codeAgentSpec({ ...options, agents }, defaults, host.sandbox)
  const agent: Agent<OutputOf<Output>> = {
    kind: 'code',
    name: options.name,
    description: options.description,
    version: options.version ?? '0.0.0',
    activate: (input, ctx) => runCodeAgent(spec, input, ctx),
    run: (task, runOptions) => host.runtime().run(agent, task, runOptions),
    withDefaults: (further) => createCodeAgent(host, options, { ...further, ...defaults }),
  }
  return agent
}

function checkOptions({ name, description, maxSteps }: CodeAgentOptions<StandardSchemaV1 | undefined>): void {
  checkName(name, 'agent')
  if (typeof description !== 'string' || description.trim() === '') {
    throw new TroupeError('config/invalid', `agent '${name}': description must be a text that says what it is for`)
  }
  if (maxSteps !== undefined && !(Number.isInteger(maxSteps) && maxSteps >= 0)) {
    throw new TroupeError('config/invalid', `agent '${name}': maxSteps must be a whole number from 0, not ${maxSteps}`)
  }
}
