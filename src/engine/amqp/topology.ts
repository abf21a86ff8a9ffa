import type { Channel } from 'amqplib'
import { AMQP_DEFAULTS, DEAD_EXCHANGE, DEAD_QUEUE, DEAD_TASKS_QUEUE, agentQueue, askQueue } from './settings.ts'

/** Exchange and queues of messages that nobody can do anything with. */
export async function declareDead(channel: Channel): Promise<void> {
  await channel.assertExchange(DEAD_EXCHANGE, 'topic', { durable: true })
  for (const [queue, pattern] of [
    [DEAD_QUEUE, '#'],
    [DEAD_TASKS_QUEUE, agentQueue('*')],
  ] as const) {
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await channel.bindQueue(queue, DEAD_EXCHANGE, pattern)
  }
}

/** A queue that loses nothing: what is delivered too often moves to the dead letters, and only leaves when it has arrived there. */
export async function declareQueue(channel: Channel, queue: string): Promise<void> {
  await channel.assertQueue(queue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': AMQP_DEFAULTS.deliveryLimit,
      'x-dead-letter-exchange': DEAD_EXCHANGE,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish', // Asked for by the line above; there is no limit that could overflow.
      'x-consumer-timeout': AMQP_DEFAULTS.consumerTimeoutMs,
    },
  })
}

/** Questions that may be lost: another one comes soon. */
export async function declareAsks(channel: Channel, replyTo: string): Promise<void> {
  await channel.assertQueue(askQueue(replyTo), {
    durable: true,
    arguments: { 'x-queue-type': 'classic', 'x-message-ttl': 4 * AMQP_DEFAULTS.askEveryMs, 'x-max-length': 10_000 },
  })
}
