import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { BOSS, DOER, doing, drained, line, refused, working } from './amqp-worker.ts'
import { place } from './cli-harness.ts'

// Without a broker. With one: test/faults/amqp-worker.ts, beside others that stop it.
vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

describe('a worker', () => {
  it('goes on without a broker that never was, and drains', async () => {
    const at = place()
    doing(at, `${DOER}, amqp: { tasks: true, serve: ['worker'], store: 'at', results: true, events: true }`)
    const worker = await working(at, `amqp://guest:hunter2@127.0.0.1:${await freePort()}`)
    const { runId } = await at.troupe(['run', 'once', '--detach'])
    await line(worker, 'run-left', { runId, status: 'done' })
    const { err } = await drained(worker)
    expect(err.trim().split('\n')).toEqual([expect.stringMatching(/^troupe: the broker 127\.0\.0\.1:\d+ is away, and is tried again/)])
    expect(err).not.toContain('hunter2')
  })
})

describe('the configuration', () => {
  const URL_OF = "url: 'amqp://guest:hunter2@127.0.0.1:1'"

  it.each([
    ["amqp: { url: 'http://guest:hunter2@h' }", /must have a URL such as amqp:.* as 'amqp.url'/],
    ["amqp: { url: 'amqp://guest:hun/ter2@h', tasks: true }", /the URL of the broker is none/],
    [`amqp: { ${URL_OF}, serve: ['wroker'] }`, /no agent "wroker", did you mean worker/],
    [`amqp: { ${URL_OF}, results: true }`, /lacks 'amqp.store'/],
    ['amqp: { tasks: true }', /has no url, and TROUPE_AMQP_URL is not set/],
  ])('is refused in one line: %s', async (amqp, says) => {
    const at = place()
    doing(at, `${DOER}, ${amqp}`)
    const ended = await at.troupe(['worker', '--json'], { env: { TROUPE_AMQP_URL: '' } })
    refused(ended, says)
    expect(ended.err).not.toMatch(/hunter2|hun\/ter2/)
  })

  it('may name agents elsewhere: nothing is opened by looking at it, and nothing runs where nothing says where', async () => {
    const at = place()
    doing(at, BOSS)
    expect(await at.troupe(['agents', 'ls', '--json'])).toMatchObject({ code: 0, err: '', last: { name: 'boss' } })
    for (const command of [['worker'], ['run', 'once']])
      refused(await at.troupe(command), /agent 'doer' runs elsewhere, and nothing says where/)
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    doing(at, `${BOSS}, amqp: { url: 'amqp://127.0.0.1:${port}', store: 'near', results: true }`)
    expect(await at.troupe(['agents', 'ls', '--json'])).toMatchObject({ code: 0, err: '' })
    expect(await at.troupe(['agents', 'show', 'main'])).toMatchObject({ code: 0, err: '' })
    expect(await at.troupe(['run', 'once', '--detach'])).toMatchObject({ code: 0 })
    expect(connections).toBe(0)
    const worker = await working(at, '', '--grace', '0.2') // Its run has a task to send, and so does not park.
    expect(connections).toBeGreaterThan(0)
    await drained(worker)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
