import { createHash } from 'node:crypto'
import type { ConfirmChannel } from 'amqplib'
import { isEntry } from '../../client/entry.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { detach } from '../../util/detach.ts'
import type { AgentRef, ChildOutcome, RemoteTask } from '../context.ts'
import { outcomeOf } from '../outcome.ts'
import type { RunOptions } from '../run-options.ts'
import type { Runtime } from '../runtime.ts'
import { AmqpConsumer, idOf, type Delivery, type Verdict } from './consumer.ts'
import { bad } from './fields.ts'
import { patiently, waitFor, type Wait } from './patience.ts'
import { AMQP_DEFAULTS, agentQueue } from './settings.ts'
import { declareQueue } from './topology.ts'
import { askMessage, parseStop, parseTask, resultMessage } from './wire.ts'

/** A runtime, or what has one do the same. */
export interface Serving extends Pick<Runtime, 'entries' | 'cancel'> {
  /** Both settle when the run has ended, or cannot be gone on with here. */
  run(agent: AgentRef, task: string, options: RunOptions & { readonly runId: string }): PromiseLike<unknown>
  resume(run: string): PromiseLike<unknown>
}

export interface ServeAgentsOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url: string
  /** On a store that outlives the process: what was begun is gone on with, not begun anew. */
  readonly runtime: Serving
  /** Each is taken from `troupe.agent.<name>`. */
  readonly agents: readonly AgentRef[]
  /** Runs at once, of each agent. Default 10. */
  readonly prefetch?: number
  /** How often the caller is asked whether it still waits. Default 15,000. */
  readonly askEveryMs?: number
  /** Told once for each time that the broker or the store is away. Default: a warning of the process, for the broker. */
  readonly onTrouble?: (error: TroupeError) => void
}

/**
 * Runs agents for callers in other stores. Each task is a run of this store, whose id is made of the caller's: a task that is
 * delivered again goes on with that run, or gives its result again. The result is sent before the task is acknowledged.
 * A task that no worker can bring to its end becomes a dead letter, and its caller gets a failure. Rejects with
 * `amqp/refused`, or `config/invalid`; a broker that is away is waited for.
 */
export async function serveAgents(options: ServeAgentsOptions): Promise<AmqpConsumer> {
  const server = new AgentServer(options)
  await server.consumer.link.ready
  return server.consumer
}

/** The runs that this process performs for others. */
class AgentServer {
  readonly consumer: AmqpConsumer
  readonly #options: ServeAgentsOptions
  readonly #agents: ReadonlyMap<string, AgentRef>
  /** By the id of the run here: redelivered after a lost connection, a task joins what is under way. */
  readonly #running = new Map<string, Promise<ChildOutcome>>()
  /** Where callers answer that they wait no more; another one after each reconnect. */
  #answers = ''

  constructor(options: ServeAgentsOptions) {
    this.#options = options
    this.#agents = new Map(options.agents.map((agent) => [agent.name, agent]))
    const queues = [...this.#agents.keys()].map(agentQueue)
    this.consumer = new AmqpConsumer({
      url: options.url,
      queues,
      prefetch: options.prefetch,
      onTrouble: options.onTrouble,
      declare: async (channel) => {
        for (const queue of queues) await declareQueue(channel, queue)
        await this.#listen(channel)
      },
      // Never put last: another worker could take it for new, on another store.
      handle: (delivery) => patiently(delivery, options.onTrouble, () => this.#handle(delivery), Infinity),
    })
  }

  async #handle({ message, signal }: Delivery): Promise<Verdict | Wait> {
    try {
      const task = parseTask(message.content)
      const replyTo = idOf(message.properties.replyTo)
      if (replyTo === undefined) throw bad(`the task of run ${task.run} says no reply-to: nobody could be told its result`)
      const agent = this.#agents.get(task.agent)
      if (!agent) throw bad(`there is no agent '${task.agent}' here: there are ${[...this.#agents.keys()].join(', ')}`)
      const run = runIdOf(replyTo, task.run)
      const asking = setInterval(() => this.#ask(task, run, replyTo), this.#options.askEveryMs ?? AMQP_DEFAULTS.askEveryMs)
      const outcome = await this.#perform(run, agent, task).finally(() => clearInterval(asking))
      if (signal.aborted) return { type: 'again' } // Delivered to somebody else meanwhile, who sends it.
      await this.consumer.link.publish(resultMessage(task, outcome, replyTo))
      return { type: 'ack' }
    } catch (error) {
      if (TroupeError.is(error, 'amqp/closed')) throw error
      return waitFor(error) ?? { type: 'dead', reason: TroupeError.wrap(error, 'amqp/bad-message') }
    }
  }

  async #perform(run: string, agent: AgentRef, task: RemoteTask): Promise<ChildOutcome> {
    const before = this.#running.get(run)
    if (before) return before
    const work = performed(this.#options.runtime, run, agent, task).finally(() => this.#running.delete(run))
    this.#running.set(run, work)
    return work
  }

  #ask({ run, parentRun }: RemoteTask, key: string, replyTo: string): void {
    if (this.#answers === '') return
    const asked = this.consumer.link.publish(askMessage({ run, parentRun, key, answerTo: this.#answers }, replyTo))
    asked.catch(() => {}) // It is asked again soon.
  }

  async #listen(channel: ConfirmChannel): Promise<void> {
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true })
    this.#answers = queue
    await channel.consume(queue, (message) => message && this.#stop(message.content), { noAck: true })
  }

  /** The run ends as cancelled; whoever performs it sends that, which nobody waits for. */
  #stop(content: Buffer): void {
    try {
      const { key, reason } = parseStop(content)
      if (this.#running.has(key)) detach(this.#options.runtime.cancel(key, reason).catch(() => {})) // It is asked again soon.
    } catch (error) {
      if (TroupeError.is(error)) this.#options.onTrouble?.(error)
    }
  }
}

/** The run of a task here: begun, gone on with, or ended before. Throws only for what is not the outcome of the run. */
async function performed(
  runtime: Serving,
  run: string,
  agent: AgentRef,
  { run: called, input, tenant }: RemoteTask,
): Promise<ChildOutcome> {
  const { task, session: _, freshSandbox: __, ...rest } = input // A session is of the caller's store.
  const isNew = (await runtime.entries(run)).length === 0
  const options = { ...rest, runId: run, ...(tenant !== undefined && { tenant }) }
  let fault: unknown
  try {
    await (isNew ? runtime.run(agent, task, options) : runtime.resume(run))
  } catch (error) {
    fault = error // The run's own failure, or why this process could not go on with it: the log knows.
  }
  const end = (await runtime.entries(run)).findLast((entry) => entry.run === run && entry.type === 'run-end')
  if (end && isEntry(end, 'run-end')) return outcomeOf(called, end.body)
  if (TroupeError.is(fault, 'engine/duplicate-key'))
    throw new TroupeError('run/busy', `run ${run} was begun by another worker`, { cause: fault })
  throw TroupeError.wrap(fault ?? new TroupeError('engine/store-failed', `run ${run} was left as it stands`), 'engine/store-failed')
}

/** Run ids of several stores may be the same; here they are not. */
function runIdOf(replyTo: string, run: string): string {
  return `m${createHash('sha256').update(`${replyTo}\n${run}`).digest('hex').slice(0, 31)}`
}
