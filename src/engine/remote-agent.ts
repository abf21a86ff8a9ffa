import type { RunInput } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { AgentOutcome, AgentRef, Placement, RunContext } from './context.ts'

/** What a caller has to know of an agent whose code is elsewhere. */
export interface RemoteAgentOptions<Output = unknown> {
  /** Never there at run time: carries the type of the agent's output. */
  readonly outputType?: Output
  /** As it is served where it runs. */
  readonly name: string
  /** What the agent is for: shown to agents that may call it. */
  readonly description: string
}

/** Stands in `agents: [...]` of a caller. What it does, which model it asks and what that may cost is settled where it runs. */
export interface RemoteAgent<Output = unknown> extends AgentRef<Output> {
  readonly kind: 'tool'
  readonly description: string
  readonly agents: readonly never[]
  readonly placement: Placement
  /** Throws `config/invalid`: without a store nobody could wait for it. Use `runtime.run`. */
  run(task: string): never
  withDefaults(): RemoteAgent<Output>
}

/** An agent that runs where `placement` says. Throws `config/invalid`. */
export function remoteAgent<Output>({ name, description }: RemoteAgentOptions<Output>, placement: Placement): RemoteAgent<Output> {
  if (!/^[A-Za-z]\w{0,63}$/.test(name))
    throw new TroupeError('config/invalid', `'${name}' is no name of an agent: a letter first, then letters, digits and _, 64 at most`)
  if (typeof description !== 'string' || description.trim() === '')
    throw new TroupeError('config/invalid', `agent '${name}': description must be a text that says what it is for`)
  const agent: RemoteAgent<Output> = {
    kind: 'tool',
    name,
    description,
    version: '0.0.0',
    agents: [],
    placement,
    activate: (input, ctx) => asRoot(agent, input, ctx),
    run: () => {
      throw new TroupeError('config/invalid', `agent '${name}' runs elsewhere, and its caller has to wait in a store: use runtime.run`)
    },
    withDefaults: () => agent,
  }
  return agent
}

/** A run of its own that does nothing but call the agent, so that a remote agent may be run by itself, and be queued. */
async function asRoot(agent: AgentRef, input: RunInput, ctx: RunContext): Promise<AgentOutcome> {
  const { status, output, error } = await ctx.child('remote', agent, input)
  const given = { ...(output !== undefined && { output }), ...(error && { error }) }
  if (status !== 'failed') return { status, ...given }
  throw error ? TroupeError.from(error) : new TroupeError('agent/failed', `agent '${agent.name}' ended as ${status}`)
}
