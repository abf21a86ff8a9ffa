/** Defaults of the edges; each can be given where it is used. */
export const AMQP_DEFAULTS = {
  /** Tasks from outside. */
  taskQueue: 'troupe.tasks',
  eventExchange: 'troupe.events',
  /** Messages that a consumer has at once, of each queue: the backpressure. */
  prefetch: 10,
  /** How often a message is delivered before it is poison; each deploy and each restart of the broker counts as well. */
  deliveryLimit: 20,
  /** Between two attempts to reach the broker: doubled from the first to the last. */
  reconnect: { firstMs: 100, lastMs: 5_000 },
  heartbeatSeconds: 10,
  connectTimeoutMs: 10_000,
  /** Before a message that met a fault of ours is tried again, when the fault does not say. */
  retryMs: 1_000,
  /** A message held for so long is put at the end of its queue: brokers close channels that hold one for 30 minutes. */
  holdMs: 600_000,
  /** Entries read at once, and the pause when there are none. */
  events: { batch: 500, pollMs: 200 },
  /** How often a worker asks whether the run of a task is still waited for. */
  askEveryMs: 15_000,
  /** What brokers from 3.12 on allow between the delivery of a task and its end; older ones have 30 minutes for the whole node. */
  consumerTimeoutMs: 604_800_000,
  drainMs: 30_000,
} as const

/** Where messages go that nobody can do anything with. */
export const DEAD_EXCHANGE: string = 'troupe.dead'
/** Keeps all of them for people. */
export const DEAD_QUEUE: string = 'troupe.dead'
/** The tasks of remote agents among them: their callers are told. */
export const DEAD_TASKS_QUEUE: string = 'troupe.dead.tasks'

/** Why a message lies in the dead letters, when it was us who put it there. */
export const REASON_HEADER: string = 'x-troupe-reason'
export const CODE_HEADER: string = 'x-troupe-code'

export function agentQueue(agent: string): string {
  return `troupe.agent.${agent}`
}

export function resultQueue(store: string): string {
  return `troupe.results.${store}`
}

/** Where workers ask whether a result is still wanted, by the queue that it would go to. */
export function askQueue(replyTo: string): string {
  return `${replyTo}.asks`
}
