import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { JsonValue } from '../../src/util/json.ts'
import { lyingIn, noBroker, onChannel, ownBroker, put, readyIn, startBroker, stopBroker, until } from '../faults/amqp-broker.ts'
import { itNeeds } from '../services.ts'
import { fence, place, type Ended, type Place, type Started } from './cli-harness.ts'

vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

const itWithBroker = itNeeds(noBroker)

type Line = Readonly<Record<string, JsonValue>>

const HIT = `import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { codeAgent, defineConfig, member, remote, team, tool } from 'troupe'
import { z } from 'zod'
const hit = tool({ name: 'hit', description: 'Hits.', effect: 'idempotent', input: z.object({ n: z.number() }), output: z.number(), run: async ({ n }, { signal }) => {
  if (n === 2) writeFileSync('second', '')
  while (n === 2 && !existsSync('go')) { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 20)) }
  appendFileSync('hits', n + '\\n')
  return n
} })
`

/** The side whose agent `doer` hits once, and a second time when its task says so: that waits until the file `go` is there. */
function doing(at: Place, amqp: string, more = ''): void {
  const turns = (code: string): object => ({ turns: [{ content: fence(code) }] })
  const script = [
    { agent: 'doer', when: 'twice', ...turns('finalAnswer((await hit({ n: 1 })) + (await hit({ n: 2 })))') },
    { agent: 'doer', ...turns('finalAnswer(await hit({ n: 1 }))') },
    { agent: 'boss', when: 'twice', ...turns("finalAnswer((await doer({ task: 'twice' })) + 10)") },
    { agent: 'boss', ...turns("finalAnswer((await doer({ task: 'once' })) + 10)") },
  ]
  at.write('script.json', JSON.stringify(script))
  at.write('troupe.config.ts', `${HIT}${more}\nexport default defineConfig({ model: 'script:script.json', ${amqp} })`)
}

const DOER = "agents: { worker: codeAgent({ name: 'doer', description: 'Does.', tools: [hit] }) }"
const BOSS = "agents: { main: codeAgent({ name: 'boss', description: 'Leads.', agents: [remote('doer', 'Does.')] }) }"

/** Its plan is one task, whose output is the answer. */
const TEAM = `team({ name: 'crew', description: 'Counts.', agents: [remote('doer', 'Does.')],
  router: () => ({ type: 'delegate' }), reviewer: () => ({ verdict: 'ok' }),
  architect: ({ tasks }) => tasks.length > 0 ? { done: true } : { tasks: [{ id: 'count', owner: 'doer', objective: 'Count.', produces: ['answer'] }] } })`
/** What a member says that has to show where it has its figure from. */
const EVIDENT = "const count = await hit({ n: 1 })\nfinalAnswer({ output: count, evidence: [{ ref: 'hit#1', quote: '1' }] })"

const hits = (at: Place): readonly string[] =>
  existsSync(join(at.dir, 'hits')) ? readFileSync(join(at.dir, 'hits'), 'utf8').trim().split('\n') : []

const isLine =
  (type: string, more: Line = {}) =>
  (line: object) =>
    Object.entries({ ...more, type }).every(([key, value]) => (line as Line)[key] === value)

const line = (worker: Started, type: string, more: Line = {}): Promise<Line> =>
  worker.event(isLine(type, more)) as Promise<object> as Promise<Line>

async function working(at: Place, url: string, ...args: readonly string[]): Promise<Started> {
  const worker = at.start(['worker', '--json', ...args], { env: { TROUPE_AMQP_URL: url } })
  await line(worker, 'worker-start')
  return worker
}

async function drained(worker: Started): Promise<Ended> {
  worker.child.kill('SIGTERM')
  const ended = await worker.ended
  expect(ended).toMatchObject({ code: 0, last: { type: 'worker-end' } })
  return ended
}

/** One clear line for people, nothing for programs, and the exit code. */
function refused({ code, out, err }: Ended, says: RegExp): void {
  expect(err).toMatch(says)
  expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 2, out: '', lines: 1 })
}

describe('two workers on two stores', () => {
  itWithBroker('one calls an agent that the other serves, and both tell what they do', async () => {
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

  itWithBroker('a team has a member that the other serves, and its evidence counts', async () => {
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

  itWithBroker('a run that is under way on SIGTERM goes back to the broker and the queue, and the next worker ends it once', async () => {
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

  itWithBroker('a run that ends within the grace is answered before the worker goes', async () => {
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
})

describe('a worker', () => {
  itWithBroker('takes a task from the broker and does it once, however often it comes; events of it come out', async () => {
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
    const { events } = await drained(worker)
    expect(events.filter(isLine('run-taken'))).toHaveLength(1)
    expect(hits(at)).toEqual(['1'])
    expect(await readyIn(url, 'jobs')).toBe(0)
    const [end] = await lyingIn(url, 'ends')
    expect(JSON.parse(String(end?.content))).toMatchObject({ type: 'run-end', agent: 'doer', output: 1 })
    expect(existsSync(join(at.dir, '.troupe/troupe.db.events'))).toBe(true)
    // The next one goes on where this one stopped: nothing is published again.
    await drained(await working(at, url))
    expect(await readyIn(url, 'ends')).toBe(1)
  })

  itWithBroker('serves only the agents that --agents names, and tells people in plain lines', async () => {
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
    expect(out).toContain('takes tasks from troupe.tasks; serves doer')
    expect(out).not.toContain('guest:')
  })

  itWithBroker('is refused with a wrong password: one line without it, and 2', async () => {
    const url = new URL(await ownBroker())
    url.password = 'hunter2'
    const at = place()
    doing(at, `${DOER}, amqp: { url: '${url.href}', tasks: true, serve: ['worker'], events: true }`)
    const ended = await at.troupe(['worker', '--json'])
    refused(ended, /the broker refuses.*ACCESS_REFUSED/i)
    expect(ended.err).not.toContain('hunter2')
  })

  itWithBroker('goes on without a broker that went away, says so once, and works with it again', async () => {
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
