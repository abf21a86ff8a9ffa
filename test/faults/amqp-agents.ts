import { join } from 'node:path'
import { expect } from 'vitest'
import { receiveResults, remoteAgents, serveAgents } from '../../src/engine/amqp/amqp.ts'
import type { AgentRef, RemoteTask } from '../../src/engine/context.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { openRuntime, type Runtime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { toolAgent, tool } from '../../src/index.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { z } from 'zod'
import { itNeeds } from '../services.ts'
import {
  closing,
  lyingIn,
  noBroker,
  onChannel,
  outside,
  ownBroker,
  ownFolder,
  put,
  readyIn,
  startBroker,
  stopBroker,
  until,
} from './amqp-broker.ts'
import { caller, doer } from './amqp-cast.ts'
import { started } from './amqp-tasks.ts'

const needs = itNeeds(noBroker)
/** Each has a part of the broker made and gone, by commands that take a second each. */
const it: typeof needs = (name, test) => needs(name, test, 90_000)

/** A run that waits for an agent elsewhere has sent its task, and tells nobody that it waits. */
async function called(runtime: Runtime, run: string): Promise<void> {
  await until(async () => (await runtime.entries(run)).some(({ type }) => type === 'wait-start'))
}

const RESULTS = 'troupe.results.desk'
const DONE = { status: 'done', output: { status: 'done', output: 'did a', error: null } }
const everyOne = (counts: ReadonlyMap<string, number>): boolean => [...counts.values()].every((count) => count === 1)

/** The callers' side on a store in memory: agents elsewhere, and what brings their results. */
async function desk(broker: string, runtime?: Runtime) {
  const remote = closing(remoteAgents({ url: broker, store: 'desk', onTrouble: () => {} }))
  const far = remote.agent({ name: 'doer', description: 'Does two things.' })
  const boss = caller(far)
  const own = runtime ?? closing(await openRuntime({ engine: memory(), agents: [boss, far], parkAfterMs: 20 }))
  const receiver = closing(await receiveResults({ url: broker, store: 'desk', runtime: own, onTrouble: () => {} }))
  return { remote, far, boss, runtime: own, receiver }
}

/** The workers' side on a store in memory. */
async function workers(broker: string, agent: AgentRef, askEveryMs: number = 15_000) {
  const runtime = closing(await openRuntime({ engine: memory(), agents: [agent] }))
  const server = closing(await serveAgents({ url: broker, runtime, agents: [agent], askEveryMs, onTrouble: () => {} }))
  return { runtime, server }
}

export function agentsElsewhere(): void {
  it('are called like any other, by agents and by themselves, and tell their usage', async () => {
    const broker = await ownBroker()
    const add = tool({ name: 'add', description: 'Adds.', effect: 'read', input: z.object({ n: z.number() }), run: async ({ n }) => n + 1 })
    const usage = { inputTokens: 100, outputTokens: 10 }
    const clerk = toolAgent({
      name: 'clerk',
      description: 'Counts.',
      tools: [add],
      model: scriptedModel([
        { toolCalls: [{ name: 'add', arguments: { n: 41 } }], usage },
        { content: 'It is 42.', usage },
      ]),
    })
    const elsewhere = closing(await openRuntime({ engine: memory(), agents: [clerk] }))
    closing(await serveAgents({ url: broker, runtime: elsewhere, agents: [clerk] }))
    const remote = closing(remoteAgents({ url: broker, store: 'desk' }))
    const boss = toolAgent({
      name: 'boss',
      description: 'Asks.',
      agents: [remote.agent({ name: 'clerk', description: 'Counts.' })],
      model: scriptedModel([
        { toolCalls: [{ name: 'clerk', arguments: { task: 'count' } }], usage },
        { content: 'Done: 42.', usage },
      ]),
    })
    const runtime = closing(await openRuntime({ engine: memory(), agents: [boss], parkAfterMs: 20 }))
    closing(await receiveResults({ url: broker, store: 'desk', runtime }))
    const result = await runtime.run(boss, 'Go.', { tenant: 'acme' })
    expect(result).toMatchObject({ status: 'done', output: 'Done: 42.', usage: { inputTokens: 400, outputTokens: 40 } })
    expect(await runtime.run(remote.agent({ name: 'clerk', description: 'Counts.' }), 'count')).toMatchObject({
      status: 'done',
      output: 'It is 42.',
    })
    expect((await elsewhere.list()).map(({ tenant, status }) => `${tenant ?? '-'} ${status}`).toSorted()).toEqual(['- done', 'acme done'])
  })

  it('that fail tell their callers why; tasks that no worker can read or do are answered as failed', async () => {
    const broker = await ownBroker()
    const failing: AgentRef = {
      name: 'doer',
      version: '1.0.0',
      activate: async () => {
        throw new TroupeError('tool/failed', 'it broke')
      },
    }
    await workers(broker, failing)
    const { boss, runtime, far } = await desk(broker)
    expect(await runtime.run(boss, 'a')).toMatchObject({ output: { status: 'failed', error: 'tool/failed' } })
    // It names an agent that the worker does not have: the caller must not wait for ever.
    const send = (task: RemoteTask): Promise<void> => putTask(broker, { ...task, version: 1, agent: 'nobody' })
    const odd = caller({ ...far, placement: { type: 'remote', send } })
    expect(await runtime.run({ ...odd, name: 'odd' }, 'b')).toMatchObject({ output: { status: 'failed', error: 'queue/dead-letter' } })
  })

  it('go on in the store of the workers when one dies by kill -9: nothing is done twice', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const store = join(ownFolder(), 'far.db')
    const { boss, runtime } = await desk(broker)
    const first = started({ task: 'serve', broker, store, outside: world.url, dies: 'in-the-middle' })
    const run = runtime.run(boss, 'a')
    expect(await first.ended).toBe('SIGKILL')
    expect(Object.fromEntries(world.counts)).toEqual({ 'a.one': 1 })
    // This one brings it to its end, and dies before it has sent the result.
    expect(await started({ task: 'serve', broker, store, outside: world.url, dies: 'after-the-end' }).ended).toBe('SIGKILL')
    started({ task: 'serve', broker, store, outside: world.url })
    expect(await run).toMatchObject(DONE)
    expect(Object.fromEntries(world.counts)).toEqual({ 'a.one': 1, 'a.two': 1 })
  })

  it('are waited for across restarts of the caller, whose task sent again is no second run', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const path = join(ownFolder(), 'desk.db')
    const before = await openRuntime({ engine: sqlite({ path }), agents: [], parkAfterMs: 20 })
    const one = await desk(broker, before)
    before.run(one.boss, 'a', { runId: 'r1' })
    await called(before, 'r1')
    await one.receiver.drain(0)
    await before[Symbol.asyncDispose]()
    // The task waits in the broker for a worker, its result for the caller.
    expect(await readyIn(broker, 'troupe.agent.doer')).toBe(1)
    const far = await workers(broker, doer(world.url))
    await until(async () => (await readyIn(broker, RESULTS)) === 1)
    const again = await openRuntime({ engine: sqlite({ path }), agents: [one.boss], parkAfterMs: 20 })
    const resumed = again.resume('r1')
    await until(async () => (await far.runtime.list()).length === 1 && (await readyIn(broker, RESULTS)) === 2) // Its task was sent again, and answered again.
    await desk(broker, again)
    expect(await resumed).toMatchObject(DONE)
    await until(async () => (await readyIn(broker, 'troupe.agent.doer')) === 0 && far.server.running === 0)
    expect((await far.runtime.list()).length).toBe(1)
    expect(Object.fromEntries(world.counts)).toEqual({ 'a.one': 1, 'a.two': 1 })
    await again[Symbol.asyncDispose]()
  })

  it('may answer twice: the second result changes nothing; one for a run that ended or never was is a dead letter', async () => {
    const broker = await ownBroker()
    const { boss, runtime, receiver } = await desk(broker)
    const run = runtime.run(boss, 'a', { runId: 'r1' })
    await called(runtime, 'r1')
    const usage = { inputTokens: 1, outputTokens: 1 }
    const body = { version: 1, run: 'r1-call', parentRun: 'r1', outcome: { status: 'done', output: 'did a', usage, runId: 'x' } }
    await put(broker, RESULTS, { body, id: 'r1-call' }, { body, id: 'r1-call' })
    expect(await run).toMatchObject(DONE)
    await put(broker, RESULTS, { body, id: 'r1-call' }) // After its end.
    const cancelled = runtime.run(boss, 'b', { runId: 'r2' })
    await called(runtime, 'r2')
    await cancelled.cancel()
    await put(broker, RESULTS, { body: { ...body, run: 'r2-call', parentRun: 'r2' }, id: 'late' })
    await put(broker, RESULTS, { body: { ...body, run: 'r9-call', parentRun: 'r9' }, id: 'lost' }, { body: { run: 1 }, id: 'odd' })
    await until(async () => (await lyingIn(broker, 'troupe.dead')).length === 3)
    await until(() => receiver.running === 0)
    const letters = (await lyingIn(broker, 'troupe.dead')).map(({ properties: { messageId, headers } }) => [
      messageId,
      headers?.['x-troupe-code'],
    ])
    expect(Object.fromEntries(letters)).toEqual({ late: 'run/ended', lost: 'run/not-found', odd: 'amqp/bad-message' })
    expect((await runtime.entries('r1')).filter(({ type }) => type === 'agent-end').length).toBe(1)
    expect((await runtime.entries('r1')).filter(({ type }) => type === 'signal').length).toBeLessThanOrEqual(2)
    expect((await runtime.get('r1')).status).toBe('done')
  })

  it('that kill every worker which takes their task are given up: the caller gets a failure', async () => {
    const broker = await ownBroker()
    const { boss, runtime } = await desk(broker)
    const run = runtime.run(boss, 'a')
    await called(runtime, run.id)
    let taken = 0
    // Each worker dies with the message in hand: its connection ends without a word. The broker takes its time to put it back.
    for (; taken < 30 && (await readyIn(broker, 'troupe.dead')) !== 1; taken++) {
      await onChannel(broker, async (channel) => {
        const got = Promise.withResolvers<void>()
        const timer = setTimeout(got.resolve, 5_000)
        await channel.consume('troupe.agent.doer', () => got.resolve())
        await got.promise
        clearTimeout(timer)
      })
    }
    expect(taken).toBeGreaterThanOrEqual(20)
    expect(await run).toMatchObject({ output: { status: 'failed', error: 'queue/dead-letter' } })
    const [letter] = await lyingIn(broker, 'troupe.dead')
    expect(letter?.properties.headers?.['x-first-death-reason']).toBe('delivery_limit')
  })

  it('stop when nobody waits for them any more', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const held = Promise.withResolvers<void>()
    const slow = doer(world.url, () => held.promise)
    const { runtime: elsewhere } = await workers(broker, slow, 100)
    const { boss, runtime } = await desk(broker)
    const run = runtime.run(boss, 'a')
    await until(() => world.counts.has('a.one'))
    await run.cancel()
    await until(async () => (await elsewhere.list())[0]?.status === 'cancelled')
    held.resolve()
    await until(async () => (await readyIn(broker, RESULTS)) === 0)
    expect(await lyingIn(broker, 'troupe.dead')).toEqual([])
    expect([...world.counts.keys()]).toEqual(['a.one'])
  })

  it('are neither lost nor doubled when the broker restarts in the middle, and calls begun without it wait', async () => {
    const broker = await ownBroker()
    const world = await outside()
    const gate = Promise.withResolvers<void>()
    const far = await workers(
      broker,
      doer(world.url, () => gate.promise),
    )
    const { boss, runtime } = await desk(broker)
    const names = Array.from({ length: 8 }, (_, n) => `t${n}`)
    const early = names.slice(0, 4).map((name) => runtime.run(boss, name))
    await until(() => world.counts.size === 4)
    await stopBroker()
    const late = names.slice(4).map((name) => runtime.run(boss, name))
    gate.resolve() // The first ones end while nobody can be told.
    await until(async () => (await far.runtime.list()).filter(({ status }) => status === 'done').length === 4)
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // Several attempts to reach it fail.
    await startBroker()
    const results = await Promise.all([...early, ...late])
    expect(results.map((result) => (result.status === 'done' ? result.output : result))).toEqual(
      names.map((name) => ({ status: 'done', output: `did ${name}`, error: null })),
    )
    await until(() => far.server.running === 0)
    expect(world.counts.size).toBe(16)
    expect(everyOne(world.counts)).toBe(true)
    expect((await far.runtime.list()).length).toBe(8)
    expect(await lyingIn(broker, 'troupe.dead')).toEqual([])
  })
}

async function putTask(broker: string, task: RemoteTask & { readonly version: number }): Promise<void> {
  await onChannel(broker, async (channel) => {
    const options = { persistent: true, messageId: task.run, replyTo: RESULTS }
    channel.sendToQueue('troupe.agent.doer', Buffer.from(JSON.stringify(task)), options)
    await channel.waitForConfirms()
  })
}
