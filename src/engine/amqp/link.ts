import type { ChannelModel, ConfirmChannel, connect as Connect, Options } from 'amqplib'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { detach } from '../../util/detach.ts'
import { pause } from './pause.ts'
import { AMQP_DEFAULTS } from './settings.ts'

export interface LinkOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url: string
  /** Runs on each new channel before anything else does: declares queues, begins to consume. */
  setup?(channel: ConfirmChannel): Promise<void>
  /** Told once for each time that the broker is away or refuses; default: a warning of the process. */
  readonly onTrouble?: ((error: TroupeError) => void) | undefined
}

export interface Outgoing {
  /** Empty: straight to the queue that `routingKey` names. */
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly options: Options.Publish & { readonly messageId: string }
  /** Throw `amqp/unroutable` when no queue takes it. */
  readonly mustArrive: boolean
}

/** How one attempt to publish ended. */
type Sent = 'confirmed' | 'returned' | 'lost'

/** A connection with a channel that is open now. */
interface Session {
  readonly channel: ConfirmChannel
  /** Resolves when the connection or the channel is gone. */
  readonly lost: Promise<TroupeError>
  /** Messages that no queue took, by id and routing key; told just before their confirmation. */
  readonly returned: Set<string>
  /** Told 'lost' with the session: promises that wait for one that lives long would pile up on it. */
  readonly inFlight: Set<(sent: Sent) => void>
  close(): Promise<void>
}

/**
 * One connection to a broker that comes back by itself, with one channel that confirms. What is published while the broker
 * is away waits for it. The broker's word is the end of each wait, so nothing here has a deadline.
 */
export class AmqpLink implements AsyncDisposable {
  /** Resolves when the broker is there, or is seen to be away: then it is tried again for ever. Rejects with `amqp/refused`. */
  readonly ready: Promise<void>
  readonly #options: LinkOptions
  readonly #ready = Promise.withResolvers<void>()
  readonly #closing = Promise.withResolvers<never>()
  readonly #kept: Promise<void>
  #session = Promise.withResolvers<Session>()
  /** The session whose setup is done, or is under way. */
  #open: Session | null = null
  #isUp = false
  readonly #stopped = new AbortController()
  #closed: TroupeError | null = null

  constructor(options: LinkOptions) {
    this.#options = { ...options, url: checkedUrl(options.url) }
    this.ready = this.#ready.promise
    this.ready.catch(() => {})
    this.#closing.promise.catch(() => {})
    this.#kept = this.#keep()
    detach(this.#kept)
  }

  /**
   * Resolves when the broker has the message for good. Throws `amqp/unroutable`, and `amqp/closed` when this link is closed
   * before; then the message may be there or not.
   */
  async publish(message: Outgoing): Promise<void> {
    for (;;) {
      const session = await this.#up()
      const sent = await send(session, message)
      if (sent === 'confirmed') return
      if (sent === 'returned')
        throw new TroupeError(
          'amqp/unroutable',
          `there is no queue for '${message.routingKey}', so message ${message.options.messageId} was not sent`,
        )
      await pause(AMQP_DEFAULTS.reconnect.firstMs, this.#stopped.signal)
    }
  }

  /** Does something with the channel, again when it was lost meanwhile. */
  async use<T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    for (;;) {
      const session = await this.#up()
      try {
        return await work(session.channel)
      } catch (error) {
        const refused = refusalOf(error)
        if (refused) throw refused
        await Promise.race([session.lost, pause(AMQP_DEFAULTS.retryMs, this.#stopped.signal)])
      }
    }
  }

  /** Closes the channel and the connection; unacknowledged messages go back to their queues. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(new TroupeError('amqp/closed', 'the link to the broker was closed'))
    await this.#open?.close()
    await this.#kept
  }

  /** Drops the connection that is open, so that a new one sets everything up again. */
  async renew(): Promise<void> {
    await this.#open?.close()
  }

  async #up(): Promise<Session> {
    if (this.#closed) throw this.#closed
    if (this.#open && this.#isUp) return this.#open
    return Promise.race([this.#session.promise, this.#closing.promise])
  }

  #close(reason: TroupeError): void {
    this.#closed ??= reason
    this.#closing.reject(this.#closed)
    this.#stopped.abort()
    this.#ready.resolve()
  }

  /** Opens one session after the other until it is closed or, the very first time, refused. */
  async #keep(): Promise<void> {
    let failures = 0
    let isReady = false
    let told: string | null = null
    while (!this.#closed) {
      const begun = performance.now()
      const error = await this.#once(() => {
        isReady = true
        this.#ready.resolve()
      })
      if (this.#closed) return
      const refused = refusalOf(error)
      if (refused && !isReady) {
        this.#ready.reject(refused)
        this.#close(refused)
        return
      }
      if (performance.now() - begun > AMQP_DEFAULTS.reconnect.lastMs) failures = 0
      const trouble = refused ?? this.#away(error)
      if (failures === 0 || trouble.code !== told) this.#tell(trouble)
      told = trouble.code
      isReady = true // Whoever waited was told that it goes on: a refusal from now on is trouble like any other.
      this.#ready.resolve()
      const { firstMs, lastMs } = AMQP_DEFAULTS.reconnect
      const waitMs = Math.min(firstMs * 2 ** failures, lastMs)
      failures++
      await pause(waitMs * (0.75 + Math.random() / 2), this.#stopped.signal)
    }
  }

  /** One session from its opening to its loss; gives why it was lost or could not be had. */
  async #once(onUp: () => void): Promise<unknown> {
    let session: Session | null = null
    try {
      session = await open(this.#options.url)
      this.#open = session
      if (this.#closed) return this.#closed
      await Promise.race([this.#options.setup?.(session.channel), session.lost.then((error) => Promise.reject(error))])
      onUp()
      this.#isUp = true
      this.#session.resolve(session)
      return await session.lost
    } catch (error) {
      return error
    } finally {
      this.#open = null
      if (this.#isUp) this.#session = Promise.withResolvers() // One that was never kept still has those who wait for it.
      this.#isUp = false
      await session?.close()
    }
  }

  #away(error: unknown): TroupeError {
    const host = hostOf(this.#options.url)
    return new TroupeError('amqp/unavailable', `the broker ${host} is away, and is tried again: ${messageOf(error)}`, { cause: error })
  }

  #tell(trouble: TroupeError): void {
    if (this.#options.onTrouble) this.#options.onTrouble(trouble)
    else process.emitWarning(trouble.message, { code: trouble.code })
  }
}

async function open(url: string): Promise<Session> {
  const { connect } = await loadClient()
  const connection: ChannelModel = await connect(url, { timeout: AMQP_DEFAULTS.connectTimeoutMs })
  const lost = Promise.withResolvers<TroupeError>()
  const inFlight = new Set<(sent: Sent) => void>()
  const fail = (error: unknown): void => {
    lost.resolve(refusalOf(error) ?? TroupeError.wrap(error, 'amqp/unavailable'))
    for (const settle of inFlight) settle('lost')
  }
  const down = Promise.withResolvers<void>()
  // An 'error' without a listener would end the process; the 'close' after it says the same once more.
  connection.on('error', fail)
  connection.on('close', (error) => {
    fail(error ?? gone('connection'))
    down.resolve()
  })
  let isOpen = true
  let opened: ConfirmChannel | null = null
  const close = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    fail(gone('connection'))
    // The client may send the end of the connection ahead of what was given to a channel, such as the last acknowledgement.
    await Promise.race([opened?.close().catch(() => {}), down.promise])
    await connection.close().catch(() => {}) // One that is gone cannot be closed.
  }
  try {
    const channel = await connection.createConfirmChannel()
    opened = channel
    channel.on('error', fail)
    channel.on('close', () => fail(gone('channel')))
    const returned = new Set<string>()
    channel.on('return', (message) => returned.add(nameOf(message.fields.routingKey, String(message.properties.messageId))))
    return { channel, lost: lost.promise, returned, inFlight, close }
  } catch (error) {
    await close()
    throw error
  }
}

function gone(what: string): TroupeError {
  return new TroupeError('amqp/unavailable', `the ${what} was closed`)
}

/** Hands a message to the channel and waits for the broker's word. */
async function send(session: Session, { exchange, routingKey, content, options, mustArrive }: Outgoing): Promise<Sent> {
  const { promise, resolve } = Promise.withResolvers<Sent>()
  session.inFlight.add(resolve)
  const name = nameOf(routingKey, options.messageId)
  try {
    session.channel.publish(exchange, routingKey, content, { persistent: true, ...options, mandatory: mustArrive }, (error) => {
      if (error) resolve('lost')
      else resolve(session.returned.delete(name) ? 'returned' : 'confirmed')
    })
  } catch {
    resolve('lost') // The channel was closed a moment ago.
  }
  const sent = await promise
  session.inFlight.delete(resolve)
  return sent
}

function nameOf(routingKey: string, messageId: string): string {
  return `${routingKey}\n${messageId}`
}

async function loadClient(): Promise<{ readonly connect: typeof Connect }> {
  try {
    return await import('amqplib')
  } catch (error) {
    throw new TroupeError('config/missing-package', 'the package amqplib cannot be loaded: npm install amqplib', { cause: error })
  }
}

/** AMQP's own codes for what does not get better by trying again: wrong password, vhost, or a queue that is there with other settings. */
const REFUSALS: readonly number[] = [402, 403, 404, 405, 406, 530]

/** The fault as `amqp/refused`, when the broker is there and says no. */
function refusalOf(error: unknown): TroupeError | null {
  if (TroupeError.is(error)) return error.code === 'amqp/refused' || error.code === 'config/missing-package' ? error : null
  const message = messageOf(error)
  const code = (error as { code?: unknown } | null)?.code ?? Number(/\b(\d{3}) \(/.exec(message)?.[1])
  if (!REFUSALS.some((refusal) => refusal === code)) return null
  return new TroupeError('amqp/refused', `the broker refuses what it was asked for: ${message}`, { cause: error })
}

/** With a heartbeat, so that a broker that has gone without a word is noticed. Throws `config/invalid`. */
export function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || (url.protocol !== 'amqp:' && url.protocol !== 'amqps:') || url.hostname === '')
    // Without repeating it: where it cannot be read, nobody knows which part of it is the password.
    throw new TroupeError(
      'config/invalid',
      'the URL of the broker is none: write amqp://USER:PASSWORD@HOST:5672/VHOST, with %-codes for : / @',
    )
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(AMQP_DEFAULTS.heartbeatSeconds))
  return url.href
}

/** For people: without the user and the password. */
export function hostOf(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
