import { isEntry, type Entry } from '../../client/entry.ts'
import type { RunEvent } from '../../client/event.ts'
import { eventOf, type EventSource } from '../../client/project.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { detach } from '../../util/detach.ts'
import type { Runtime } from '../runtime.ts'
import type { Cursor } from './cursor.ts'
import { AmqpLink, type Outgoing } from './link.ts'
import { pause } from './pause.ts'
import { AMQP_DEFAULTS } from './settings.ts'

type Feeding = Pick<Runtime, 'feed' | 'entries'>

export interface PublishEventsOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url: string
  readonly runtime: Feeding
  /** Where it is kept how far the log was published, such as `fileCursor(path)`. */
  readonly cursor: Cursor
  /** A topic exchange, made when it is not there. Default `troupe.events`. */
  readonly exchange?: string
  /** How long an idle log is left alone. Default 200. */
  readonly pollMs?: number
  /** Told once for each time that the broker or the store is away. Default: a warning of the process, for the broker. */
  readonly onTrouble?: (error: TroupeError) => void
}

/**
 * Publishes the events of all runs from the log, in the order of the log: routing key `<agent>.<type>`, body the event as JSON,
 * message id `<run>:<seq>`. At least once: after a crash, or when the broker was away, the last ones come again, with the
 * same message ids. What streams is not among them. Rejects with `amqp/refused`, or `config/invalid`; a broker that is
 * away is waited for.
 */
export async function publishEvents(options: PublishEventsOptions): Promise<EventPublisher> {
  const publisher = new EventPublisher(options)
  try {
    await publisher.ready
  } catch (error) {
    await publisher[Symbol.asyncDispose]()
    throw error
  }
  return publisher
}

/** Follows the log of a store until it is closed. */
export class EventPublisher implements AsyncDisposable {
  readonly #options: PublishEventsOptions
  readonly #exchange: string
  readonly #link: AmqpLink
  readonly #closing = new AbortController()
  readonly #sources = new Map<string, EventSource>()
  readonly #followed: Promise<void>

  constructor(options: PublishEventsOptions) {
    this.#options = options
    const { exchange = AMQP_DEFAULTS.eventExchange } = options
    this.#exchange = exchange
    this.#link = new AmqpLink({
      url: options.url,
      onTrouble: options.onTrouble,
      setup: async (channel) => void (await channel.assertExchange(exchange, 'topic', { durable: true })),
    })
    this.#followed = this.#follow()
    detach(this.#followed)
  }

  get ready(): Promise<void> {
    return this.#link.ready
  }

  /** Stops after what the broker has confirmed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#link[Symbol.asyncDispose]()
    await this.#followed
  }

  async #follow(): Promise<void> {
    const { cursor, onTrouble, pollMs = AMQP_DEFAULTS.events.pollMs } = this.#options
    let at: string | null | undefined
    let isTold = false
    while (!this.#closing.signal.aborted) {
      try {
        at ??= await cursor.read()
        const next = await this.#publishAfter(at)
        isTold = false
        if (next === at || next === null) {
          await pause(pollMs, this.#closing.signal)
          continue
        }
        await cursor.write(next) // A crash before this publishes the same once more.
        at = next
      } catch (error) {
        if (this.#closing.signal.aborted || TroupeError.is(error, 'amqp/refused') || TroupeError.is(error, 'amqp/closed')) return
        if (!isTold) onTrouble?.(TroupeError.wrap(error, 'engine/store-failed'))
        isTold = true
        await pause(AMQP_DEFAULTS.retryMs, this.#closing.signal)
      }
    }
  }

  /** One channel keeps the order in which it was given messages; all of them are confirmed before the cursor moves. */
  async #publishAfter(at: string | null): Promise<string | null> {
    const { cursor, entries } = await this.#options.runtime.feed(at, AMQP_DEFAULTS.events.batch)
    const messages: Outgoing[] = []
    for (const entry of entries) {
      const event = eventOf(entry, await this.#sourceOf(entry))
      if (event) messages.push(this.#messageOf(entry, event))
      if (entry.type === 'run-end') this.#sources.delete(entry.run)
    }
    await Promise.all(messages.map((message) => this.#link.publish(message)))
    return cursor
  }

  /** Whose run it is: known from its start, or looked up once after this process began. */
  async #sourceOf(entry: Entry): Promise<EventSource> {
    const known = this.#sources.get(entry.run)
    if (known) return known
    const first = entry.type === 'run-start' ? entry : (await this.#options.runtime.entries(entry.run)).find((one) => one.run === entry.run)
    if (!first || !isEntry(first, 'run-start')) return { agent: 'unknown' } // Its log was dropped since.
    const { agent, parentRunId } = first.body
    const source = { agent, ...(parentRunId !== undefined && { parentRunId }) }
    this.#sources.set(entry.run, source)
    return source
  }

  #messageOf(entry: Entry, event: RunEvent): Outgoing {
    return {
      exchange: this.#exchange,
      routingKey: `${event.agent}.${event.type}`,
      content: Buffer.from(JSON.stringify(event)),
      options: {
        contentType: 'application/json',
        messageId: `${entry.run}:${entry.seq}`,
        type: event.type,
        timestamp: Math.floor(Date.parse(entry.at) / 1_000),
        headers: { run: entry.run, seq: entry.seq },
      },
      mustArrive: false,
    }
  }
}
