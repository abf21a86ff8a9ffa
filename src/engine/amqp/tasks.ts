import { createHash } from 'node:crypto'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { AgentRef } from '../context.ts'
import type { Runtime } from '../runtime.ts'
import { AmqpConsumer, idOf, type Delivery, type Verdict } from './consumer.ts'
import { bad, fieldsOf, type Shape } from './fields.ts'
import { patiently, waitFor, type Wait } from './patience.ts'
import { AMQP_DEFAULTS } from './settings.ts'
import { declareQueue } from './topology.ts'

export interface ConsumeTasksOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url: string
  readonly runtime: Pick<Runtime, 'enqueue'>
  /** Whose tasks are taken; a message names one of them. */
  readonly agents: readonly AgentRef[]
  /** A quorum queue, made when it is not there. Default `troupe.tasks`. */
  readonly queue?: string
  /** Messages in hand at once. Default 10. */
  readonly prefetch?: number
  /** Told once for each time that the broker or the store is away. Default: a warning of the process, for the broker. */
  readonly onTrouble?: (error: TroupeError) => void
}

/** The body of a message. The message id, or a hash of the body where there is none, is the run's `dedupKey`. */
const TASK = {
  agent: 'words!',
  task: 'words!',
  context: 'object',
  images: 'texts',
  maxSteps: 'number',
  session: 'text',
  budget: 'numbers',
  tenant: 'text',
  priority: 'number',
  delayMs: 'number',
  expiresInMs: 'number',
  maxAttempts: 'number',
} as const satisfies Shape

/**
 * Takes tasks from a queue of the broker into the queue of the store: a message is acknowledged when its run is there for
 * good, and the same message id a second time is no second run. Messages that are no tasks, or are refused for ever, go to
 * the exchange `troupe.dead` with the header `x-troupe-reason`. A full store holds messages until it takes more. Rejects
 * with `amqp/refused`, or `config/invalid`; a broker that is away is waited for.
 */
export async function consumeTasks(options: ConsumeTasksOptions): Promise<AmqpConsumer> {
  const { queue = AMQP_DEFAULTS.taskQueue, url, prefetch, onTrouble } = options
  const agents = new Map(options.agents.map((agent) => [agent.name, agent]))
  const consumer = new AmqpConsumer({
    url,
    queues: [queue],
    prefetch,
    onTrouble,
    declare: (channel) => declareQueue(channel, queue),
    handle: (delivery) => patiently(delivery, onTrouble, () => taken(options.runtime, agents, delivery)),
  })
  await consumer.link.ready
  return consumer
}

async function taken(
  runtime: Pick<Runtime, 'enqueue'>,
  agents: ReadonlyMap<string, AgentRef>,
  { message }: Delivery,
): Promise<Verdict | Wait> {
  try {
    const { agent: name, task, ...rest } = fieldsOf(message.content, TASK)
    const agent = agents.get(name)
    if (!agent) throw bad(`there is no agent '${name}' here: there are ${[...agents.keys()].join(', ')}`)
    await runtime.enqueue(agent, task, { ...rest, dedupKey: dedupKeyOf(message.properties.messageId, message.content) })
    return { type: 'ack' }
  } catch (error) {
    if (TroupeError.is(error, 'queue/duplicate')) return { type: 'ack' } // A redelivery, or sent twice.
    if (TroupeError.is(error, 'queue/full')) return { type: 'wait', ms: Number(error.details['retryAfterMs'] ?? AMQP_DEFAULTS.retryMs) }
    if (TroupeError.is(error, 'session/busy')) return { type: 'wait', ms: AMQP_DEFAULTS.retryMs } // Sessions go one run after the other.
    return waitFor(error) ?? { type: 'dead', reason: TroupeError.wrap(error, 'amqp/bad-message') }
  }
}

function dedupKeyOf(messageId: unknown, content: Buffer): string {
  return idOf(messageId) ?? `sha256:${createHash('sha256').update(content).digest('hex')}`
}
