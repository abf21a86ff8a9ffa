import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { TroupeError } from '../../errors/troupe-error.ts'
import { assertNever } from '../../util/assert-never.ts'
import { detach } from '../../util/detach.ts'
import { AmqpLink } from './link.ts'
import { pause } from './pause.ts'
import { AMQP_DEFAULTS, CODE_HEADER, DEAD_EXCHANGE, REASON_HEADER } from './settings.ts'
import { declareDead } from './topology.ts'

/** What becomes of a message. */
export type Verdict =
  /** It is done with. */
  | { readonly type: 'ack' }
  /** Nobody can do anything with it. */
  | { readonly type: 'dead'; readonly reason: TroupeError }
  /** Delivered again, to whoever is next; counted against the delivery limit. */
  | { readonly type: 'again' }
  /** Put at the end of its queue as if it were new. */
  | { readonly type: 'last' }

/** A message in hand. */
export interface Delivery {
  readonly queue: string
  readonly message: ConsumeMessage
  /** Aborted when the broker has taken the message back, or the consumer closes. */
  readonly signal: AbortSignal
}

export interface ConsumerOptions {
  readonly url: string
  readonly queues: readonly string[]
  readonly prefetch?: number | undefined
  readonly onTrouble?: ((error: TroupeError) => void) | undefined
  declare(channel: ConfirmChannel): Promise<void>
  /** What it throws is a fault of ours: told, and the message is delivered again. */
  handle(delivery: Delivery): Promise<Verdict>
}

/** Takes messages from queues, over one link, until it is drained. */
export class AmqpConsumer implements AsyncDisposable {
  readonly link: AmqpLink
  readonly #options: ConsumerOptions
  readonly #inHand = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  readonly #taking = new Map<string, ConfirmChannel>()
  /** Aborted when the channel of these messages is lost. */
  #channel = new AbortController()
  #drained: Promise<void> | null = null
  readonly #graceOver = Promise.withResolvers<void>()

  constructor(options: ConsumerOptions) {
    const { prefetch = AMQP_DEFAULTS.prefetch } = options
    if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > 65_535)
      throw new TroupeError('config/invalid', `prefetch is ${prefetch}: it has to be a whole number from 1 to 65535`)
    this.#options = options
    this.link = new AmqpLink({ url: options.url, onTrouble: options.onTrouble, setup: (channel) => this.#begin(channel, prefetch) })
  }

  /** How many messages are in hand now. */
  get running(): number {
    return this.#inHand.size
  }

  /**
   * Takes no more; those in hand have `graceMs` to be done with, then they go back to their queues. Default 30,000. Called
   * again, the time that is over first counts.
   */
  async drain(graceMs: number = AMQP_DEFAULTS.drainMs): Promise<void> {
    const timer = setTimeout(() => this.#graceOver.resolve(), graceMs)
    this.#drained ??= this.#drain()
    await this.#drained
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0)
  }

  async #drain(): Promise<void> {
    for (const [tag, channel] of this.#taking) await channel.cancel(tag).catch(() => {}) // A channel that is lost delivers nothing.
    await Promise.race([this.#graceOver.promise, Promise.all(this.#inHand)])
    this.#closing.abort()
    await this.link[Symbol.asyncDispose]()
    this.#channel.abort()
  }

  async #begin(channel: ConfirmChannel, prefetch: number): Promise<void> {
    this.#channel.abort()
    this.#channel = new AbortController()
    this.#taking.clear()
    const lost = this.#channel
    channel.on('close', () => lost.abort())
    await declareDead(channel)
    await this.#options.declare(channel)
    if (this.#drained) return
    await channel.prefetch(prefetch)
    for (const queue of this.#options.queues) {
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message) this.#take(channel, queue, message, lost.signal)
        else detach(this.link.renew()) // The queue was deleted: a new channel declares it again.
      })
      this.#taking.set(consumerTag, channel)
    }
  }

  #take(channel: ConfirmChannel, queue: string, message: ConsumeMessage, lost: AbortSignal): void {
    const signal = AbortSignal.any([lost, this.#closing.signal])
    const work = this.#settle(channel, { queue, message, signal }).finally(() => this.#inHand.delete(work))
    this.#inHand.add(work)
    detach(work)
  }

  /** Never rejects: a message that is not settled here is delivered again. */
  async #settle(channel: ConfirmChannel, delivery: Delivery): Promise<void> {
    let verdict: Verdict
    try {
      verdict = await this.#options.handle(delivery)
      if (verdict.type === 'dead') await this.#bury(delivery, verdict.reason)
      if (verdict.type === 'last') await this.#putLast(delivery)
    } catch (error) {
      if (TroupeError.is(error, 'amqp/closed') || delivery.signal.aborted) return
      this.#options.onTrouble?.(TroupeError.wrap(error, 'internal/unreachable'))
      await pause(AMQP_DEFAULTS.retryMs, delivery.signal)
      verdict = { type: 'again' }
    }
    if (delivery.signal.aborted) return // Its tag means nothing any more; the broker has it again.
    try {
      switch (verdict.type) {
        case 'ack':
        case 'dead':
        case 'last':
          return channel.ack(delivery.message)
        case 'again':
          return channel.nack(delivery.message, false, true)
        default:
          return assertNever(verdict)
      }
    } catch (error) {
      if ((error as Error).name !== 'IllegalOperationError') throw error // The channel was lost in this moment.
    }
  }

  /** A crash after this and before the acknowledgement buries it twice. */
  async #bury({ queue, message }: Delivery, reason: TroupeError): Promise<void> {
    const headers = { ...message.properties.headers, [REASON_HEADER]: reason.message, [CODE_HEADER]: reason.code }
    await this.link.publish(this.#copy(message, DEAD_EXCHANGE, queue, headers))
  }

  async #putLast({ queue, message }: Delivery): Promise<void> {
    const { 'x-delivery-count': _, ...headers } = message.properties.headers ?? {}
    await this.link.publish(this.#copy(message, '', queue, headers))
  }

  #copy(
    { properties, content }: ConsumeMessage,
    exchange: string,
    routingKey: string,
    headers: Record<string, unknown>,
  ): Parameters<AmqpLink['publish']>[0] {
    const kept = ['contentType', 'correlationId', 'replyTo', 'type'].flatMap((name) => {
      const value: unknown = properties[name as 'type']
      return typeof value === 'string' ? [[name, value]] : []
    })
    const options = { ...Object.fromEntries(kept), headers, messageId: idOf(properties.messageId) ?? '' }
    return { exchange, routingKey, content, options, mustArrive: true }
  }
}

/** The id that the sender gave a message; undefined when there is none. */
export function idOf(messageId: unknown): string | undefined {
  return typeof messageId === 'string' && messageId !== '' ? messageId : undefined
}
