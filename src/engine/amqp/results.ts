import type { ConfirmChannel } from 'amqplib'
import { isEntry } from '../../client/entry.ts'
import { NO_USAGE } from '../../client/usage.ts'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import type { ChildOutcome } from '../context.ts'
import { endTopic } from '../queue.ts'
import type { Runtime } from '../runtime.ts'
import { AmqpConsumer, idOf, type Delivery, type Verdict } from './consumer.ts'
import { patiently, waitFor, type Wait } from './patience.ts'
import { checkedStore } from './remote-agents.ts'
import { askQueue, DEAD_TASKS_QUEUE, REASON_HEADER, resultQueue } from './settings.ts'
import { declareAsks, declareQueue } from './topology.ts'
import { parseAsk, parseResult, parseTask, resultMessage, stopMessage, type Called } from './wire.ts'

type Waiting = Pick<Runtime, 'signal' | 'entries'>

export interface ReceiveResultsOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url: string
  /** As `remoteAgents` has it. */
  readonly store: string
  readonly runtime: Waiting
  /** Messages in hand at once. Default 10. */
  readonly prefetch?: number
  /** Told once for each time that the broker or the store is away. Default: a warning of the process, for the broker. */
  readonly onTrouble?: (error: TroupeError) => void
}

/**
 * Brings the results of remote agents to the runs of a store that wait for them; a result that comes twice changes nothing.
 * A result for a run that has ended or was never there becomes a dead letter. Tasks that became dead letters are answered
 * as failed, so that nobody waits for ever; workers that ask about a run which waits no more are told to stop. Rejects with
 * `amqp/refused`, or `config/invalid`; a broker that is away is waited for.
 */
export async function receiveResults(options: ReceiveResultsOptions): Promise<AmqpConsumer> {
  const { url, runtime, prefetch, onTrouble } = options
  const results = resultQueue(checkedStore(options.store))
  const asks = askQueue(results)
  const handlers: { readonly [queue: string]: (delivery: Delivery) => Promise<Verdict> } = {
    [results]: ({ message }) => told(runtime, message.content),
    [asks]: ({ message }) => answered(runtime, consumer, message.content),
    [DEAD_TASKS_QUEUE]: (delivery) => mourned(consumer, delivery),
  }
  const consumer = new AmqpConsumer({
    url,
    queues: Object.keys(handlers),
    prefetch,
    onTrouble,
    declare: async (channel: ConfirmChannel) => {
      await declareQueue(channel, results)
      await declareAsks(channel, results)
    },
    handle: (delivery) =>
      patiently(delivery, onTrouble, async () => {
        const found: Promise<Verdict | Wait> | undefined = handlers[delivery.queue]?.(delivery)
        return (await found?.catch((error: unknown) => afterFault(error))) ?? { type: 'again' }
      }),
  })
  await consumer.link.ready
  return consumer
}

function afterFault(error: unknown): Verdict | Wait {
  if (TroupeError.is(error, 'amqp/closed')) throw error
  return waitFor(error) ?? { type: 'dead', reason: TroupeError.wrap(error, 'amqp/bad-message') }
}

/** How a caller stands to a run that it called. */
async function standingOf(runtime: Waiting, { run, parentRun }: Called): Promise<'waits' | 'knows' | 'ended' | 'unknown'> {
  const own = (await runtime.entries(parentRun)).filter((entry) => entry.run === parentRun)
  if (own.some((entry) => isEntry(entry, 'signal') && entry.body.topic === endTopic(run))) return 'knows'
  if (own.some((entry) => entry.type === 'run-end')) return 'ended'
  return own.length === 0 ? 'unknown' : 'waits'
}

/** Two that do this at the same moment write two signals, of which the run takes the first. */
async function told(runtime: Waiting, content: Buffer): Promise<Verdict> {
  const result = parseResult(content)
  const { run, parentRun, outcome } = result
  switch (await standingOf(runtime, result)) {
    case 'knows':
      return { type: 'ack' }
    case 'unknown':
      throw new TroupeError(
        'run/not-found',
        `no run ${parentRun} in this store: the result of ${run} has come to the wrong one, or its log was dropped`,
      )
    case 'ended':
      if (outcome['status'] === 'cancelled') return { type: 'ack' } // As we had asked for.
      throw new TroupeError('run/ended', `run ${parentRun} has ended without waiting for the result of ${run}`)
    case 'waits':
      await runtime.signal(parentRun, endTopic(run), outcome)
      return { type: 'ack' }
  }
}

/** A worker that hears nothing goes on: silence is the answer to a run that waits. */
async function answered(runtime: Waiting, consumer: AmqpConsumer, content: Buffer): Promise<Verdict> {
  const ask = parseAsk(content)
  const standing = await standingOf(runtime, ask)
  if (standing === 'ended') await consumer.link.publish(stopMessage(ask, `run ${ask.parentRun} has ended and waits for this no more`))
  return { type: 'ack' }
}

/** Tells the caller of a task that nobody could bring to its end. The letter itself stays in `troupe.dead`. */
async function mourned(consumer: AmqpConsumer, { message }: Delivery): Promise<Verdict> {
  const replyTo = idOf(message.properties.replyTo)
  const task = taskIn(message.content)
  if (replyTo === undefined || !task) return { type: 'ack' }
  const { [REASON_HEADER]: said, 'x-first-death-reason': death } = message.properties.headers ?? {}
  const reason =
    typeof said === 'string' ? said : death === 'delivery_limit' ? 'every worker that took it went away' : String(death ?? 'unknown')
  const error = new TroupeError('queue/dead-letter', `the task of run ${task.run} for agent '${task.agent}' was given up: ${reason}`)
  const outcome: ChildOutcome = { status: 'failed', error: error.toJSON(), usage: NO_USAGE, runId: task.run }
  try {
    await consumer.link.publish(resultMessage(task, outcome, replyTo))
  } catch (error) {
    if (!TroupeError.is(error, 'amqp/unroutable')) throw error
  }
  return { type: 'ack' }
}

function taskIn(content: Buffer): ReturnType<typeof parseTask> | null {
  try {
    return parseTask(content)
  } catch (error) {
    if (TroupeError.is(error, 'amqp/bad-message')) return null
    throw new TroupeError('internal/unreachable', messageOf(error), { cause: error })
  }
}
