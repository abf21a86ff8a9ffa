import { TroupeError } from '../../errors/troupe-error.ts'
import type { Placement, RemoteTask } from '../context.ts'
import { remoteAgent, type RemoteAgent, type RemoteAgentOptions } from '../remote-agent.ts'
import { AmqpLink, checkedUrl } from './link.ts'
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

export interface RemoteAgents extends AsyncDisposable {
  agent<Output = unknown>(options: RemoteAgentOptions<Output>): RemoteAgent<Output>
  /** For agents whose code is here as well, and that are to run elsewhere all the same. */
  readonly placement: Placement
  /** Opens the link, if no call has yet. Rejects with `amqp/refused` when the broker wants nothing to do with us. */
  readonly ready: Promise<void>
}

/**
 * Agents that run wherever `serveAgents` does, for the callers of one store. Their tasks go to `troupe.agent.<name>`; a broker
 * that is away is waited for. The link is opened by the first call. Close it after the runtime. Throws `config/invalid`.
 */
export function remoteAgents(options: RemoteAgentsOptions): RemoteAgents {
  const replyTo = resultQueue(checkedStore(options.store))
  const url = checkedUrl(options.url)
  let opened: AmqpLink | null = null
  let isClosed = false
  const link = (): AmqpLink => {
    if (isClosed && !opened) throw new TroupeError('amqp/closed', 'the link to the broker was closed')
    opened ??= new AmqpLink({
      url,
      onTrouble: options.onTrouble,
      setup: async (channel) => {
        await declareDead(channel)
        await declareQueue(channel, replyTo)
        await declareAsks(channel, replyTo)
      },
    })
    return opened
  }
  const known = new Set<string>()
  const send = async (task: RemoteTask): Promise<void> => {
    const queue = agentQueue(task.agent)
    for (;;) {
      if (!known.has(queue)) await link().use((channel) => declareQueue(channel, queue)) // A task waits for its first worker.
      known.add(queue)
      try {
        return await link().publish(taskMessage(task, replyTo))
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
    get ready() {
      return link().ready
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true
      await opened?.[Symbol.asyncDispose]()
    },
  }
}

/** Throws `config/invalid`. */
export function checkedStore(store: string): string {
  if (!/^[\w-]{1,64}$/.test(store))
    throw new TroupeError('config/invalid', `'${store}' is no name of a store: letters, digits, _ and -, 64 at most`)
  return store
}
