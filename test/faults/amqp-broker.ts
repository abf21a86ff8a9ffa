import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, type ConfirmChannel, type GetMessage } from 'amqplib'
import { onTestFinished } from 'vitest'

/** What `scripts/services` brings, where it is: the variables that it prints, else its own places. */
const URL_OF_BROKER = process.env['TROUPE_AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5679'
const CTL = process.env['TROUPE_RABBITMQCTL'] ?? '/var/tmp/troupe-services/rabbitmq/ctl'

/** Why the tests of RabbitMQ cannot run here; null where they can. */
export const noBroker: string | null = await reason()

async function reason(): Promise<string | null> {
  if (!existsSync(CTL)) return `there is no command of a RabbitMQ at ${CTL}`
  try {
    const connection = await connect(URL_OF_BROKER, { timeout: 5_000 })
    await connection.close()
    return null
  } catch (error) {
    return `there is no RabbitMQ at ${new URL(URL_OF_BROKER).host}: ${(error as Error).message}`
  }
}

async function rabbitmqctl(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(CTL, ['-q', ...args], { timeout: 60_000 })
}

/** The broker goes away as it does in an upgrade: connections are cut, what is on disk stays. It is back after the test at the latest. */
export async function stopBroker(): Promise<void> {
  onTestFinished(startBroker)
  await rabbitmqctl('stop_app')
}

export async function startBroker(): Promise<void> {
  await rabbitmqctl('start_app') // Resolves when it takes connections.
}

/** A part of the broker for one test alone, gone after it. */
export async function ownBroker(): Promise<string> {
  const name = `troupe-${process.pid}-${Math.random().toString(36).slice(2)}`
  await rabbitmqctl('add_vhost', name)
  onTestFinished(() => rabbitmqctl('delete_vhost', name))
  await rabbitmqctl('set_permissions', '-p', name, 'guest', '.*', '.*', '.*')
  const url = new URL(URL_OF_BROKER)
  url.pathname = `/${name}`
  return url.href
}

/** Does something with a plain channel of its own. */
export async function onChannel<T>(url: string, work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(url)
  connection.on('error', () => {})
  try {
    return await work(await connection.createConfirmChannel())
  } finally {
    await connection.close().catch(() => {})
  }
}

/** Puts messages into a queue as somebody else's program would, and waits until the broker has them. */
export async function put(
  url: string,
  queue: string,
  ...messages: readonly { readonly body: unknown; readonly id?: string }[]
): Promise<void> {
  await onChannel(url, async (channel) => {
    for (const { body, id } of messages) {
      const content = typeof body === 'string' ? body : JSON.stringify(body)
      channel.sendToQueue(queue, Buffer.from(content), { persistent: true, ...(id !== undefined && { messageId: id }) })
    }
    await channel.waitForConfirms()
  })
}

/** All that lies in a queue, in order, without taking it. */
export async function lyingIn(url: string, queue: string): Promise<readonly GetMessage[]> {
  return onChannel(url, async (channel) => {
    const found: GetMessage[] = []
    for (;;) {
      const message = await channel.get(queue)
      if (!message) return found // Closing the channel puts them back.
      found.push(message)
    }
  })
}

/** How many messages lie in a queue and are in nobody's hand; null while there is no such queue. */
export async function readyIn(url: string, queue: string): Promise<number | null> {
  return onChannel(url, async (channel) => {
    channel.on('error', () => {})
    return channel.checkQueue(queue).then(
      ({ messageCount }) => messageCount,
      () => null,
    )
  })
}

/** The world outside: counts what is done to it, by name. */
export interface Outside {
  readonly url: string
  readonly counts: ReadonlyMap<string, number>
}

export async function outside(): Promise<Outside> {
  const counts = new Map<string, number>()
  const server = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? '/').slice(1))
    counts.set(name, (counts.get(name) ?? 0) + 1)
    response.setHeader('connection', 'close') // One that was kept could be closed in the moment of its next use.
    response.end('done')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, counts }
}

/** A folder of its own, gone after the test. */
export function ownFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'troupe-amqp-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
  return path
}

/** Looks again and again until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>, timeoutMs: number = 30_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`it did not come true in ${timeoutMs} ms: ${String(isSo)}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** Closed after the test, in the reverse order of opening, whatever happens. */
export function closing<T extends AsyncDisposable>(thing: T): T {
  onTestFinished(() => thing[Symbol.asyncDispose]())
  return thing
}
