import { TroupeError } from '../../errors/troupe-error.ts'
import type { AgentOutcome, AgentRef, Placement, RemoteTask, RunContext } from '../context.ts'
import type { RunInput } from '../../client/entry.ts'
import { AmqpLink } from './link.ts'
import { agentQueue, resultQueue } from './settings.ts'
import { declareAsks, declareDead, declareQueue } from './topology.ts'
import { taskMessage } from './wire.ts'

export interface RemoteAgentsOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url: string
  /** Names the store of the callers: results come to `troupe.results.<store>`, which `receiveResults` reads. Letters, digits, `_` and `-`. */
  readonly store: string
  /** Told once for each time that the broker is away. Default: a warning of the process. */
  readonly onTrouble?: (error: TroupeError) => void
}

/** What a caller has to know of an agent whose code is elsewhere. */
export interface RemoteAgentOptions<Output = unknown> {
  /** Never there at run time: carries the type of the agent's output. */
  readonly outputType?: Output
  /** As `serveAgents` has it. */
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

export interface RemoteAgents extends AsyncDisposable {
  agent<Output = unknown>(options: RemoteAgentOptions<Output>): RemoteAgent<Output>
  /** For agents whose code is here as well, and that are to run elsewhere all the same. */
  readonly placement: Placement
  /** Rejects with `amqp/refused` when the broker wants nothing to do with us. */
  readonly ready: Promise<void>
}

/**
 * Agents that run wherever `serveAgents` does, for the callers of one store. Their tasks go to `troupe.agent.<name>`; a broker
 * that is away is waited for. Close it after the runtime.
 */
export function remoteAgents(options: RemoteAgentsOptions): RemoteAgents {
  const replyTo = resultQueue(checkedStore(options.store))
  const link = new AmqpLink({
    url: options.url,
    onTrouble: options.onTrouble,
    setup: async (channel) => {
      await declareDead(channel)
      await declareQueue(channel, replyTo)
      await declareAsks(channel, replyTo)
    },
  })
  const known = new Set<string>()
  const send = async (task: RemoteTask): Promise<void> => {
    const queue = agentQueue(task.agent)
    for (;;) {
      if (!known.has(queue)) await link.use((channel) => declareQueue(channel, queue)) // A task waits for its first worker.
      known.add(queue)
      try {
        return await link.publish(taskMessage(task, replyTo))
      } catch (error) {
        if (!TroupeError.is(error, 'amqp/unroutable')) throw error
        known.delete(queue) // Somebody has deleted it since.
      }
    }
  }
  const placement: Placement = { type: 'remote', send }
  return {
    agent: (described) => remoteAgent(described, placement),
    placement,
    ready: link.ready,
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  }
}

function remoteAgent<Output>({ name, description }: RemoteAgentOptions<Output>, placement: Placement): RemoteAgent<Output> {
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
  if (status === 'done' || status === 'limit') return { status, ...given }
  throw error ? TroupeError.from(error) : new TroupeError('agent/failed', `agent '${agent.name}' ended as ${status}`)
}

/** Throws `config/invalid`. */
export function checkedStore(store: string): string {
  if (!/^[\w-]{1,64}$/.test(store))
    throw new TroupeError('config/invalid', `'${store}' is no name of a store: letters, digits, _ and -, 64 at most`)
  return store
}
