import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { connect } from 'amqplib'
import { fileCursor, publishEvents, type Cursor } from '../../src/engine/amqp/amqp.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { openRuntime, type Runtime } from '../../src/engine/runtime.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import { itNeeds } from '../services.ts'
import { closing, lyingIn, noBroker, onChannel, outside, ownBroker, ownFolder, startBroker, stopBroker, until } from './amqp-broker.ts'
import { caller, doer } from './amqp-cast.ts'

const needs = itNeeds(noBroker)
/** Each has a part of the broker made and gone, by commands that take a second each. */
const it: typeof needs = (name, test) => needs(name, test, 90_000)

/** A queue that gets what fits, before anything is published. */
async function listening(broker: string, pattern: string = '#'): Promise<string> {
  return onChannel(broker, async (channel) => {
    await channel.assertExchange('troupe.events', 'topic', { durable: true })
    const { queue } = await channel.assertQueue(`heard-${Math.random().toString(36).slice(2)}`, { durable: true })
    await channel.bindQueue(queue, 'troupe.events', pattern)
    return queue
  })
}

/** The ids that entries of these runs have as events, in the order of the log. */
async function idsOf(runtime: Runtime): Promise<readonly string[]> {
  const ids: string[] = []
  for (const run of (await runtime.list()).toReversed()) {
    for await (const event of runtime.events(run.runId)) if (event.seq !== undefined) ids.push(`${event.runId}:${event.seq}`)
  }
  return ids
}

const heard = async (broker: string, queue: string): Promise<readonly string[]> =>
  (await lyingIn(broker, queue)).map(({ properties }) => String(properties.messageId))

export function eventsOut(): void {
  it('are published from the log in its order, with ids to tell them apart; others go on where the last one stopped', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const all = await listening(broker)
    const ends = await listening(broker, '*.run-end')
    const boss = caller(doer(world.url))
    const runtime = closing(await openRuntime({ engine: memory(), agents: [boss] }))
    await runtime.run(boss, 'a')
    const cursor = fileCursor(join(ownFolder(), 'events.cursor'))
    expect(await cursor.read()).toBe(null)
    const first = closing(await publishEvents({ url: broker, runtime, cursor }))
    const expected = await idsOf(runtime)
    expect(expected.length).toBeGreaterThan(3)
    await until(async () => (await heard(broker, all)).length === expected.length)
    expect(await heard(broker, all)).toEqual(expected)
    const letters = await lyingIn(broker, all)
    expect(letters[0]?.fields.routingKey).toBe('caller.run-start')
    expect(JSON.parse(String(letters[0]?.content))).toMatchObject({ type: 'run-start', agent: 'caller', task: 'a', seq: 1 })
    expect((await lyingIn(broker, ends)).map(({ fields }) => fields.routingKey)).toEqual(['doer.run-end', 'caller.run-end'])
    const { cursor: last } = await runtime.feed(null)
    await until(async () => (await cursor.read()) === last)
    await first[Symbol.asyncDispose]()
    closing(await publishEvents({ url: broker, runtime, cursor }))
    await runtime.run(boss, 'b')
    const more = await idsOf(runtime)
    await until(async () => (await heard(broker, all)).length >= more.length)
    expect(await heard(broker, all)).toEqual(more)
  })

  it('come once more, with the same ids, when a publisher dies before it has kept how far it was', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const all = await listening(broker)
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    await runtime.run(agent, 'a')
    const expected = await idsOf(runtime)
    const cursor = fileCursor(join(ownFolder(), 'events.cursor'))
    const written = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<never>()
    const dying: Cursor = {
      read: () => cursor.read(),
      write: () => {
        written.resolve()
        return gone.promise // As if the process had ended here.
      },
    }
    closing(await publishEvents({ url: broker, runtime, cursor: dying }))
    onTestFinished(() => gone.reject(new TroupeError('engine/closed', 'over')))
    await written.promise
    expect(await heard(broker, all)).toEqual(expected)
    closing(await publishEvents({ url: broker, runtime, cursor }))
    await until(async () => (await heard(broker, all)).length === 2 * expected.length)
    expect(new Set(await heard(broker, all))).toEqual(new Set(expected))
  })

  it('wait for a broker that is away, and none is lost; nor does the run wait for it', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const all = await listening(broker)
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    const cursor = fileCursor(join(ownFolder(), 'events.cursor'))
    const troubles: string[] = []
    closing(await publishEvents({ url: broker, runtime, cursor, onTrouble: ({ code }) => troubles.push(code) }))
    for (let n = 0; n < 5; n++) await runtime.run(agent, `early${n}`)
    await stopBroker()
    for (let n = 0; n < 5; n++) expect((await runtime.run(agent, `late${n}`)).status).toBe('done')
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // Several attempts to reach it fail.
    await startBroker()
    const expected = await idsOf(runtime)
    await until(async () => new Set(await heard(broker, all)).size === expected.length)
    const first = [...new Set(await heard(broker, all))]
    expect(first.toSorted()).toEqual(expected.toSorted())
    for (const { runId } of await runtime.list()) {
      expect(first.filter((id) => id.startsWith(runId))).toEqual(expected.filter((id) => id.startsWith(runId)))
    }
    expect(troubles).toEqual(['amqp/unavailable'])
  })

  it('are told of a cursor that cannot be kept, and publish again when it can', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const all = await listening(broker)
    const agent = doer(world.url)
    const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
    await runtime.run(agent, 'a')
    const folder = ownFolder()
    const path = join(folder, 'no', 'cursor')
    const troubles: TroupeError[] = []
    const publisher = closing(
      await publishEvents({ url: broker, runtime, cursor: fileCursor(path), onTrouble: (error) => troubles.push(error) }),
    )
    await until(() => troubles.length > 0)
    expect(troubles[0]).toMatchObject({ code: 'engine/store-failed', message: expect.stringContaining(path) as string })
    expect((await heard(broker, all)).length).toBeGreaterThan(0)
    await publisher[Symbol.asyncDispose]()
    writeFileSync(join(folder, 'cursor'), '')
    expect(await fileCursor(join(folder, 'cursor')).read()).toBe(null)
  })

  it('cannot go to an exchange of another kind: said at once', async () => {
    const broker = await ownBroker()
    const connection = await connect(broker)
    onTestFinished(() => connection.close())
    await (await connection.createChannel()).assertExchange('troupe.events', 'fanout', { durable: true })
    const runtime = closing(await openRuntime({ engine: memory() }))
    const cursor = fileCursor(join(ownFolder(), 'events.cursor'))
    const refused = await publishEvents({ url: broker, runtime, cursor }).catch((error: unknown) => error)
    expect(TroupeError.is(refused, 'amqp/refused')).toBe(true)
  })
}
