import {
  consumeTasks,
  fileCursor,
  publishEvents,
  receiveResults,
  serveAgents,
  AMQP_DEFAULTS,
  type AmqpConsumer,
} from '../engine/amqp/amqp.ts'
import { hostOf } from '../engine/amqp/link.ts'
import type { Serving } from '../engine/amqp/serve-agents.ts'
import type { AgentRef } from '../engine/context.ts'
import { QUEUE_DEFAULTS } from '../engine/queue.ts'
import type { Runtime } from '../engine/runtime.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { urlOf, type Broker } from './broker.ts'

/** What a worker does with its broker, as it is told. Null or empty: that it does not do. */
export interface EdgesTold {
  /** Without user and password. */
  readonly broker: string
  /** The queue that tasks are taken from. */
  readonly tasks: string | null
  readonly serves: readonly string[]
  /** The name of the store that results come to. */
  readonly results: string | null
  /** The exchange that events go to. */
  readonly events: string | null
}

export interface EdgesPlan {
  readonly broker: Broker
  /** Whose tasks are taken. */
  readonly agents: readonly AgentRef[]
  /** Those that run here for others. */
  readonly serves: readonly AgentRef[]
  /** The file that keeps how far events were published; null where none are. */
  readonly cursor: string | null
}

export interface EdgesOptions extends EdgesPlan {
  readonly runtime: Runtime
}

/** What stands open between a worker and its broker. */
export interface Edges {
  readonly told: EdgesTold
  /** Takes nothing more; what is in hand goes on. */
  stop(graceMs: number): void
  /** When the worker has drained: sends what has ended, gives back what has not, and closes. */
  finish(): Promise<void>
}

/** What is left to be sent when all runs have ended or stopped is sent within this time, or again by the next worker. */
const LAST_WORDS_MS = 2_000

/** Opens all that the configuration names; a broker that is away is waited for. Rejects with `amqp/refused`, with nothing left open. */
export async function openEdges({ broker, runtime, agents, serves, cursor }: EdgesOptions): Promise<Edges> {
  const { config, remote, onTrouble } = broker
  const url = urlOf(broker)
  const serving = new QueuedServing(runtime)
  const tasks = config.tasks === true ? {} : config.tasks
  const events = config.events === true ? {} : config.events
  const consumers: AmqpConsumer[] = []
  const others: AsyncDisposable[] = remote ? [remote] : []
  try {
    if (events && cursor !== null) others.push(await publishEvents({ ...events, url, runtime, onTrouble, cursor: fileCursor(cursor) }))
    if (config.results && config.store !== undefined) {
      consumers.push(await receiveResults({ url, store: config.store, runtime, onTrouble }))
    }
    if (serves.length > 0) consumers.push(await serveAgents({ url, runtime: serving, agents: serves, onTrouble }))
    if (tasks) consumers.push(await consumeTasks({ ...tasks, url, runtime, agents, onTrouble }))
  } catch (error) {
    await Promise.all([...consumers, ...others].map((one) => one[Symbol.asyncDispose]()))
    throw error
  }
  return {
    told: {
      broker: hostOf(url),
      tasks: tasks ? (tasks.queue ?? AMQP_DEFAULTS.taskQueue) : null,
      serves: serves.map(({ name }) => name),
      results: config.results ? (config.store ?? null) : null,
      events: events ? (events.exchange ?? AMQP_DEFAULTS.eventExchange) : null,
    },
    stop: (graceMs) => {
      for (const consumer of consumers) consumer.drain(graceMs + LAST_WORDS_MS).catch(() => {}) // `finish` meets the same fault.
    },
    finish: async () => {
      serving.giveUp()
      const closed = async (): Promise<void> => {
        await Promise.all(consumers.map((consumer) => consumer.drain(LAST_WORDS_MS)))
        await Promise.all(others.map((one) => one[Symbol.asyncDispose]()))
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, 2 * LAST_WORDS_MS) // A broker that does not answer keeps nobody here.
      await Promise.race([closed(), promise])
      clearTimeout(timer)
    },
  }
}

/**
 * Runs for callers in other stores as runs of this store's queue: they keep its limits, any worker of the store may go on with
 * them, and they drain with the rest.
 */
class QueuedServing implements Serving {
  readonly #runtime: Runtime
  readonly #waiting = new Set<(reason: TroupeError) => void>()
  #isOver = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Who waits for a run that has not ended waits no longer; its message goes back. */
  giveUp(): void {
    this.#isOver = true
    for (const reject of this.#waiting) reject(leftAlone())
  }

  async run(agent: AgentRef, task: string, options: Parameters<Serving['run']>[2]): Promise<void> {
    if (this.#isOver) throw leftAlone()
    await this.#ended(this.#runtime.run(agent, task, { ...options, priority: QUEUE_DEFAULTS.priority }))
  }

  async resume(run: string): Promise<void> {
    if (this.#isOver) throw leftAlone()
    const isQueued = (await this.#runtime.queued(run)) !== null
    await this.#ended(isQueued ? this.#runtime.follow(run) : this.#runtime.resume(run))
  }

  entries: Runtime['entries'] = (run) => this.#runtime.entries(run)
  cancel: Runtime['cancel'] = (run, reason) => this.#runtime.cancel(run, reason)

  async #ended(run: PromiseLike<unknown>): Promise<void> {
    const { promise, resolve: end, reject } = Promise.withResolvers<void>()
    this.#waiting.add(reject)
    run.then(() => end(), reject)
    await promise.finally(() => this.#waiting.delete(reject))
  }
}

function leftAlone(): TroupeError {
  return new TroupeError('amqp/closed', 'this worker has drained: whoever is next goes on')
}
