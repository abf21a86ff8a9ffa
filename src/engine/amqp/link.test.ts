import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TroupeError } from '../../errors/troupe-error.ts'
import { memory } from '../memory/memory.ts'
import { openRuntime } from '../runtime.ts'
import { AmqpLink } from './link.ts'
import { remoteAgents } from './remote-agents.ts'
import { receiveResults } from './results.ts'
import { consumeTasks } from './tasks.ts'

/** A server that is no broker: it ends each connection at once. */
async function noBroker(): Promise<{ readonly url: string; readonly tries: () => number }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `amqp://u:secret@127.0.0.1:${(server.address() as AddressInfo).port}/v`, tries: () => sockets.length }
}

const message = { exchange: '', routingKey: 'q', content: Buffer.from('x'), options: { messageId: 'm' }, mustArrive: true }

describe('a link to a broker', () => {
  it.each(['', 'localhost', 'http://localhost', 'amqp:/'])('is refused for what is no URL of one: %s', async (url) => {
    await using runtime = await openRuntime({ engine: memory() })
    await expect(consumeTasks({ url, runtime, agents: [] })).rejects.toMatchObject({ code: 'config/invalid' })
  })

  it('says no password', () => {
    expect(() => new AmqpLink({ url: 'htp://u:secret@h' })).toThrow(expect.not.stringContaining('secret'))
  })

  it('goes on trying, tells that once and without the password, and gives up what waits when it is closed', async () => {
    const { url, tries } = await noBroker()
    const told: TroupeError[] = []
    const link = new AmqpLink({ url, onTrouble: (error) => told.push(error) })
    await link.ready
    const sent = link.publish(message)
    sent.catch(() => {})
    const end = performance.now() + 10_000
    while (tries() < 3 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(tries()).toBeGreaterThanOrEqual(3)
    expect(told.map(({ code }) => code)).toEqual(['amqp/unavailable'])
    expect(told[0]?.message).not.toContain('secret')
    await link[Symbol.asyncDispose]()
    await expect(sent).rejects.toMatchObject({ code: 'amqp/closed', retryable: true })
    await expect(link.publish(message)).rejects.toMatchObject({ code: 'amqp/closed' })
  })
})

describe('options', () => {
  const url = 'amqp://127.0.0.1:1'
  it('have to be right', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    for (const prefetch of [0, 1.5, 65_536])
      await expect(consumeTasks({ url, runtime, agents: [], prefetch })).rejects.toMatchObject({ code: 'config/invalid' })
    await expect(receiveResults({ url, runtime, store: 'a.b' })).rejects.toMatchObject({ code: 'config/invalid' })
    expect(() => remoteAgents({ url, store: '' })).toThrow(/no name of a store/)
    await using remote = remoteAgents({ url, store: 'desk', onTrouble: () => {} })
    expect(() => remote.agent({ name: 'a.b', description: 'x' })).toThrow(/no name of an agent/)
    expect(() => remote.agent({ name: 'a', description: ' ' })).toThrow(/description/)
    expect(() => remote.agent({ name: 'a', description: 'x' }).run('y')).toThrow(/use runtime.run/)
  })
})
