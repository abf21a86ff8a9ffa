import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { consumeTasks } from '../../src/engine/amqp/amqp.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import { itNeeds } from '../services.ts'
import { closing, lyingIn, noBroker, outside, ownBroker, ownFolder, put, readyIn, startBroker, stopBroker, until } from './amqp-broker.ts'
import { doer } from './amqp-cast.ts'

const needs = itNeeds(noBroker)
/** Each has a part of the broker made and gone, by commands that take a second each. */
const it: typeof needs = (name, test) => needs(name, test, 90_000)
const QUEUE = 'troupe.tasks'

/** Starts a process of `amqp-process.ts`; resolves with how it ended. */
export function started(order: object): { readonly child: ChildProcess; readonly ended: Promise<NodeJS.Signals | number | null> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'amqp-process.ts'), JSON.stringify(order)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, ended: new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code))) }
}

export function tasksIn(): void {
  it('become runs, one for each message id, or for each body without one', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    await runtime.work()
    const consumer = closing(await consumeTasks({ url: broker, runtime, agents: [agent] }))
    await put(
      broker,
      QUEUE,
      { id: 'm1', body: { agent: 'doer', task: 'a', tenant: 'acme', priority: 3, context: { n: 1 } } },
      { id: 'm1', body: { agent: 'doer', task: 'a', tenant: 'acme', priority: 3, context: { n: 1 } } },
      { id: 'm2', body: { agent: 'doer', task: 'b' } },
      { body: { agent: 'doer', task: 'c' } },
      { body: { agent: 'doer', task: 'c' } },
    )
    await until(async () => (await runtime.list()).filter(({ status }) => status === 'done').length === 3)
    await consumer.drain()
    expect(await readyIn(broker, QUEUE)).toBe(0) // What was not acknowledged would be back.
    const runs = await runtime.list()
    expect(runs.map(({ task, tenant }) => `${task} ${tenant ?? '-'}`).toSorted()).toEqual(['a acme', 'b -', 'c -'])
    expect([...world.counts.values()]).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('that are none, or that nobody here can do, lie in the dead letters with the reason; the others go on', async () => {
    const broker = await ownBroker()
    const agent = doer('http://127.0.0.1:1')
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    const consumer = closing(await consumeTasks({ url: broker, runtime, agents: [agent] }))
    const bad: readonly (readonly [body: unknown, reason: RegExp])[] = [
      ['{"agent":', /no JSON text/],
      ['[1]', /a JSON object/],
      [{ task: 'a' }, /'agent' is missing/],
      [{ agent: 'nobody', task: 'a' }, /no agent 'nobody' here: there are doer/],
      [{ agent: 'doer', task: ' ' }, /'task' is " "/],
      [{ agent: 'doer', task: 'a', prio: 1 }, /no field 'prio'/],
      [{ agent: 'doer', task: 'a', priority: '1' }, /'priority' is "1": it has to be a number/],
      [{ agent: 'doer', task: 'a', priority: -1 }, /priority is -1/],
      [{ agent: 'doer', task: 'a', context: [] }, /'context' is \[\]/],
    ]
    await put(broker, QUEUE, ...bad.map(([body], at) => ({ id: `bad${at}`, body })), { id: 'good', body: { agent: 'doer', task: 'good' } })
    await until(async () => (await runtime.list()).length === 1)
    await until(async () => (await lyingIn(broker, 'troupe.dead')).length === bad.length)
    const letters = await lyingIn(broker, 'troupe.dead')
    for (const [at, [, reason]] of bad.entries()) {
      const letter = letters.find(({ properties }) => properties.messageId === `bad${at}`)
      expect(letter?.properties.headers?.['x-troupe-reason']).toMatch(reason)
    }
    await consumer.drain()
    expect(await readyIn(broker, QUEUE)).toBe(0)
  })

  it('wait in the broker while the store is full, and are all done later', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent], admission: { maxDepth: 2 } }))
    const consumer = closing(await consumeTasks({ url: broker, runtime, agents: [agent], prefetch: 3 }))
    await put(broker, QUEUE, ...[1, 2, 3, 4, 5, 6].map((n) => ({ id: `m${n}`, body: { agent: 'doer', task: `t${n}` } })))
    await until(async () => (await runtime.depth()).queued === 2 && consumer.running === 3)
    expect(await readyIn(broker, QUEUE)).toBe(1)
    await runtime.work()
    await until(async () => (await runtime.list()).filter(({ status }) => status === 'done').length === 6)
    expect([...world.counts.values()].every((count) => count === 1)).toBe(true)
    expect(await lyingIn(broker, 'troupe.dead')).toEqual([])
  })

  it('are one run each when the process dies by kill -9 between queueing and acknowledging', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const store = join(ownFolder(), 'runs.db')
    const agent = doer(world.url)
    const first = started({ task: 'consume', broker, store, outside: world.url, dies: 'after-enqueue' })
    await until(async () => (await readyIn(broker, QUEUE)) !== null)
    await put(broker, QUEUE, { id: 'm1', body: { agent: 'doer', task: 'a' } })
    expect(await first.ended).toBe('SIGKILL')
    await until(async () => (await readyIn(broker, QUEUE)) === 1)
    const runtime = closing(await openRuntime({ engine: sqlite({ path: store }), agents: [agent] }))
    expect((await runtime.list()).length).toBe(1)
    const consumer = closing(await consumeTasks({ url: broker, runtime, agents: [agent] }))
    await runtime.work()
    await until(async () => (await readyIn(broker, QUEUE)) === 0 && consumer.running === 0)
    await consumer.drain()
    expect(await readyIn(broker, QUEUE)).toBe(0)
    await until(async () => (await runtime.list()).every(({ status }) => status === 'done'))
    expect((await runtime.list()).length).toBe(1)
    expect(Object.fromEntries(world.counts)).toEqual({ 'a.one': 1, 'a.two': 1 })
  })

  it('are neither lost nor doubled when the broker restarts in the middle', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    const troubles: TroupeError[] = []
    const consumer = closing(
      await consumeTasks({ url: broker, runtime, agents: [agent], prefetch: 5, onTrouble: (error) => troubles.push(error) }),
    )
    const tasks = Array.from({ length: 60 }, (_, n) => ({ id: `m${n}`, body: { agent: 'doer', task: `t${n}` } }))
    await runtime.work()
    await put(broker, QUEUE, ...tasks.slice(0, 40))
    await until(async () => (await runtime.list()).length > 3)
    await stopBroker()
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // Several attempts to reach it fail.
    await startBroker()
    await put(broker, QUEUE, ...tasks.slice(30)) // Ten of them once more, as a sender does that got no confirmation.
    await until(async () => (await runtime.list()).filter(({ status }) => status === 'done').length === 60)
    await until(async () => (await readyIn(broker, QUEUE)) === 0 && consumer.running === 0)
    await consumer.drain()
    expect(await readyIn(broker, QUEUE)).toBe(0)
    expect((await runtime.list()).length).toBe(60)
    expect(world.counts.size).toBe(120)
    expect([...world.counts.values()].every((count) => count === 1)).toBe(true)
    expect(troubles.map(({ code }) => code)).toEqual(['amqp/unavailable'])
    expect(await lyingIn(broker, 'troupe.dead')).toEqual([])
  })

  it('are taken once there is a broker, when there was none at the start', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    await runtime.work()
    await stopBroker()
    const troubles: string[] = []
    closing(await consumeTasks({ url: broker, runtime, agents: [agent], onTrouble: ({ code }) => troubles.push(code) }))
    expect(troubles).toEqual(['amqp/unavailable'])
    await startBroker()
    await until(async () => (await readyIn(broker, QUEUE)) !== null)
    await put(broker, QUEUE, { id: 'm1', body: { agent: 'doer', task: 'a' } })
    await until(() => world.counts.size === 2)
  })

  it('cannot be consumed with a wrong password or from a queue that is something else: said at once', async () => {
    const broker = await ownBroker()
    const runtime = closing(await openRuntime({ engine: memory() }))
    const wrong = new URL(broker)
    wrong.password = 'wrong'
    const refused = await consumeTasks({ url: wrong.href, runtime, agents: [] }).catch((error: unknown) => error)
    expect(TroupeError.is(refused, 'amqp/refused')).toBe(true)
    const { connect } = await import('amqplib')
    const connection = await connect(broker)
    await (await connection.createChannel()).assertQueue('classic', { durable: true })
    await connection.close()
    const other = await consumeTasks({ url: broker, runtime, agents: [], queue: 'classic' }).catch((error: unknown) => error)
    expect(TroupeError.is(other, 'amqp/refused')).toBe(true)
    expect(String(other)).toMatch(/PRECONDITION/)
  })
}
