import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { BOSS, DOER, doing, drained, EVIDENT, hits, isLine, line, refused, TEAM, working } from '../integration/amqp-worker.ts'
import { fence, place } from '../integration/cli-harness.ts'
import { startPostgres } from '../postgres.ts'
import { itNeeds, onlyWhenAllAsked } from '../services.ts'
import { lyingIn, noBroker, onChannel, ownBroker, put, readyIn, startBroker, stopBroker, until } from './amqp-broker.ts'

const needs = itNeeds(noBroker)
/** Each has a part of the broker made and gone, and starts several processes. */
const it: typeof needs = (name, test) => needs(name, test, 120_000)

/** `troupe worker` between its store and the broker that its configuration names. */
export function workersAtBroker(): void {
  it('one calls an agent that the other serves, and both tell what they do', async () => {
    const url = await ownBroker()
    const far = place()
    doing(far, `${DOER}, amqp: { serve: ['worker'] }`)
    const near = place()
    doing(near, `${BOSS}, amqp: { store: 'near', results: true }`)
    const serving = await working(far, url)
    const calling = await working(near, url)
    const vhost = new URL(url)
    const nothing = { broker: `${vhost.host}${vhost.pathname}`, tasks: null, serves: [], results: null, events: null }
    expect(await line(serving, 'worker-start')).toMatchObject({ amqp: { ...nothing, serves: ['doer'] } })
    expect(await line(calling, 'worker-start')).toMatchObject({ amqp: { ...nothing, results: 'near' } })
    const queued = await near.troupe(['run', 'once', '--detach'])
    await line(calling, 'run-left', { runId: queued.runId, status: 'done' })
    expect((await near.troupe(['runs', 'show', queued.runId, '--json'])).last).toMatchObject({ status: 'done', output: 11 })
    // A run that is followed by a process of its own, which holds no queue.
    const followed = await near.troupe(['run', 'once', '--json', '--wait', '60'], { env: { TROUPE_AMQP_URL: url } })
    expect(followed).toMatchObject({ code: 0, last: { type: 'run-end', output: 11 } })
    const ended = [await drained(serving), await drained(calling)]
    for (const { err } of ended) expect(err).toBe('')
    expect(ended[0]?.events.filter(isLine('run-left', { agent: 'doer', status: 'done' }))).toHaveLength(2)
    expect(hits(far)).toEqual(['1', '1'])
    expect(hits(near)).toEqual([])
  })

  it('a team has a member that the other serves, and its evidence counts', async () => {
    const url = await ownBroker()
    const far = place()
    doing(far, "agents: { doer: member(codeAgent({ name: 'doer', description: 'Does.', tools: [hit] })) }, amqp: { serve: ['doer'] }")
    far.write('script.json', JSON.stringify([{ turns: [{ content: fence(EVIDENT) }] }]))
    const near = place()
    doing(near, `agents: { main: ${TEAM} }, amqp: { store: 'near', results: true }`)
    const workers = [await working(far, url), await working(near, url)]
    const { last } = await near.troupe(['run', 'count', '--json', '--wait', '60'], { env: { TROUPE_AMQP_URL: url } })
    expect(last).toMatchObject({ type: 'run-end', status: 'done', output: 1 })
    for (const worker of workers) await drained(worker)
    expect(hits(far)).toEqual(['1'])
  })

  it('a run that is under way on SIGTERM goes back to the broker and the queue, and the next worker ends it once', async () => {
    const url = await ownBroker()
    const far = place()
    doing(far, `${DOER}, amqp: { serve: ['worker'] }`)
    const near = place()
    doing(near, `${BOSS}, amqp: { store: 'near', results: true }`)
    const calling = await working(near, url)
    const first = await working(far, url, '--grace', '0.3')
    const { runId } = await near.troupe(['run', 'twice', '--detach'])
    await until(() => existsSync(join(far.dir, 'second')))
    const { events } = await drained(first)
    expect(events.filter(isLine('run-left'))).toMatchObject([{ agent: 'doer', status: 'queued' }])
    await until(async () => (await readyIn(url, 'troupe.agent.doer')) === 1) // Nobody has acknowledged it.
    far.write('go', '')
    const second = await working(far, url)
    await line(calling, 'run-left', { runId, status: 'done' })
    expect((await near.troupe(['runs', 'show', runId, '--json'])).last).toMatchObject({ status: 'done', output: 13 })
    await drained(second)
    await drained(calling)
    expect(hits(far)).toEqual(['1', '2'])
    expect((await far.troupe(['runs', 'ls', '--json'])).events).toHaveLength(1)
    expect(await readyIn(url, 'troupe.agent.doer')).toBe(0)
  })

  it('a run that ends within the grace is answered before the worker goes', async () => {
    const url = await ownBroker()
    const far = place()
    doing(far, `${DOER}, amqp: { serve: ['worker'] }`)
    const near = place()
    doing(near, `${BOSS}, amqp: { store: 'near' }`)
    const calling = await working(near, url)
    const serving = await working(far, url, '--grace', '60')
    await near.troupe(['run', 'twice', '--detach'])
    await until(() => existsSync(join(far.dir, 'second')))
    serving.child.kill('SIGTERM')
    await line(serving, 'worker-drain')
    expect(await readyIn(url, 'troupe.results.near')).toBe(0)
    far.write('go', '')
    expect(await serving.ended).toMatchObject({ code: 0, err: '' })
    expect(await readyIn(url, 'troupe.results.near')).toBe(1)
    expect(await readyIn(url, 'troupe.agent.doer')).toBe(0)
    await drained(calling)
  })

  it('of two that serve with one PostgreSQL, one dies by kill -9 and the other ends its run', async (context) => {
    onlyWhenAllAsked(context)
    await using postgres = await startPostgres()
    const url = await ownBroker()
    const far = place()
    doing(far, `${DOER}, store: '${await postgres.freshUrl()}', amqp: { serve: ['worker'] }`)
    const near = place()
    doing(near, `${BOSS}, amqp: { store: 'near', results: true }`)
    const calling = await working(near, url)
    const serving = [await working(far, url), await working(far, url)]
    const { runId } = await near.troupe(['run', 'twice', '--detach'])
    await until(() => existsSync(join(far.dir, 'second')))
    const dies = await Promise.any(serving.map((worker) => line(worker, 'run-taken').then(() => worker)))
    dies.child.kill('SIGKILL')
    far.write('go', '')
    await line(calling, 'run-left', { runId, status: 'done' })
    for (const worker of serving) if (worker !== dies) await drained(worker)
    await drained(calling)
    expect(hits(far)).toEqual(['1', '2'])
    expect(await readyIn(url, 'troupe.agent.doer')).toBe(0)
  })

  it('takes a task from the broker and does it once, however often it comes; events of it come out', async () => {
    const url = await ownBroker()
    await onChannel(url, async (channel) => {
      await channel.assertExchange('news', 'topic', { durable: true })
      await channel.assertQueue('ends', { durable: true })
      await channel.bindQueue('ends', 'news', '*.run-end')
    })
    const at = place()
    doing(at, `${DOER}, amqp: { tasks: { queue: 'jobs' }, events: { exchange: 'news' } }`)
    const worker = await working(at, url)
    expect(await line(worker, 'worker-start')).toMatchObject({ amqp: { tasks: 'jobs', serves: [], results: null, events: 'news' } })
    const task = { body: { agent: 'doer', task: 'once' }, id: 'a' }
    await put(url, 'jobs', task, task, { body: { agent: 'nobody', task: 'x' }, id: 'b' })
    await line(worker, 'run-left', { agent: 'doer', status: 'done' })
    await put(url, 'jobs', task)
    await until(async () => (await readyIn(url, 'ends')) === 1 && (await readyIn(url, 'troupe.dead')) === 1)
    await until(async () => (await readyIn(url, 'jobs')) === 0)
    const { events } = await drained(worker)
    expect(events.filter(isLine('run-taken'))).toHaveLength(1)
    expect(hits(at)).toEqual(['1'])
    expect(await readyIn(url, 'jobs')).toBe(0)
    const [end] = await lyingIn(url, 'ends')
    expect(JSON.parse(String(end?.content))).toMatchObject({ type: 'run-end', agent: 'doer', output: 1 })
    expect(existsSync(join(at.dir, '.troupe/troupe.db.events'))).toBe(true)
    // The next one goes on where this one stopped: nothing is published again.
    const next = await working(at, url)
    await put(url, 'jobs', { ...task, id: 'c' })
    await until(async () => ((await readyIn(url, 'ends')) ?? 0) >= 2)
    await drained(next)
    expect(new Set((await lyingIn(url, 'ends')).map(({ properties }) => String(properties.messageId))).size).toBe(2)
    expect(await readyIn(url, 'ends')).toBe(2)
  })

  it('serves only the agents that --agents names, and tells people in plain lines', async () => {
    const url = await ownBroker()
    const at = place()
    const both =
      "agents: { one: codeAgent({ name: 'doer', description: 'Does.' }), two: codeAgent({ name: 'other', description: 'Else.' }) }"
    doing(at, `${both}, amqp: { tasks: true, serve: ['one', 'two'] }`)
    const worker = at.start(['worker', '--agents', 'one'], { env: { TROUPE_AMQP_URL: url } })
    await until(async () => (await readyIn(url, 'troupe.tasks')) !== null)
    worker.child.kill('SIGTERM')
    const { out, code } = await worker.ended
    expect(code).toBe(0)
    expect(out).toMatch(/^at \S+: takes tasks from troupe.tasks; serves doer$/m)
    expect(out).not.toContain('guest:')
  })

  it('is refused with a wrong password: one line without it, and 2', async () => {
    const url = new URL(await ownBroker())
    url.password = 'hunter2'
    const at = place()
    doing(at, `${DOER}, amqp: { url: '${url.href}', tasks: true, serve: ['worker'], events: true }`)
    const ended = await at.troupe(['worker', '--json'])
    refused(ended, /the broker refuses.*ACCESS_REFUSED/i)
    expect(ended.err).not.toContain('hunter2')
  })

  it('goes on without a broker that went away, says so once, and works with it again', async () => {
    const url = await ownBroker()
    const at = place()
    doing(at, `${DOER}, amqp: { tasks: true, serve: ['worker'], store: 'at', results: true, events: true }`)
    const worker = await working(at, url)
    await stopBroker()
    const { runId } = await at.troupe(['run', 'once', '--detach'])
    await line(worker, 'run-left', { runId, status: 'done' })
    await startBroker()
    await put(url, 'troupe.tasks', { body: { agent: 'doer', task: 'once' }, id: 'a' })
    await until(() => hits(at).length === 2)
    const { err } = await drained(worker)
    expect(err.trim().split('\n')).toEqual([expect.stringMatching(/^troupe: the broker \S+ is away, and is tried again/)])
  })

  it('hears of a password that turns out to be wrong when the broker is there, and goes on without it', async () => {
    const url = new URL(await ownBroker())
    url.password = 'hunter2'
    const at = place()
    doing(at, `${DOER}, amqp: { tasks: true }`)
    await stopBroker()
    const worker = await working(at, url.href)
    await startBroker()
    await until(() => /refuses/.test(worker.said()))
    const { runId } = await at.troupe(['run', 'once', '--detach'])
    await line(worker, 'run-left', { runId, status: 'done' })
    const { err } = await drained(worker)
    expect(err.trim().split('\n')).toEqual([
      expect.stringMatching(/^troupe: the broker \S+ is away/),
      expect.stringMatching(/^troupe: the broker refuses/),
    ])
    expect(err).not.toContain('hunter2')
  })
}
