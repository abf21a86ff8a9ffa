import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { JsonValue } from '../../src/util/json.ts'
import { fence, place, type Ended, type Place, type Started } from './cli-harness.ts'
import { onlyWhenAllAsked } from '../services.ts'

vi.setConfig({ testTimeout: 120_000 }) // Many processes, on machines of two cores.

/**
 * An agent whose tool notes each call in the file `hits`. The third call of a task hangs until the file `go` is there, when
 * the task is `slow`.
 */
function counting(at: Place, more = ''): void {
  const script = [
    {
      when: 'slow',
      turns: [{ content: fence('let sum = 0\nfor (let n = 1; n <= 4; n++) sum += await hit({ n, waits: n === 3 })\nfinalAnswer(sum)') }],
    },
    { when: 'asks', turns: [{ content: fence('finalAnswer(await pay({ usd: 5 }))') }] },
    { turns: [{ content: fence('finalAnswer(await hit({ n: 7, waits: false }))') }] },
  ]
  at.write('script.json', JSON.stringify(script))
  at.write(
    'troupe.config.ts',
    `import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
     import { codeAgent, defineConfig, tool } from 'troupe'
     import { z } from 'zod'
     const hit = tool({ name: 'hit', description: 'Hits.', effect: 'idempotent', input: z.object({ n: z.number(), waits: z.boolean() }), output: z.number(), run: async ({ n, waits }, { signal }) => {
       if (waits) writeFileSync('third', '')
       while (waits && !existsSync('go')) { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 20)) }
       appendFileSync('hits', n + '\\n')
       return n
     } })
     const pay = tool({ name: 'pay', description: 'Pays.', effect: 'irreversible', input: z.object({ usd: z.number() }), output: z.string(), run: ({ usd }) => 'paid ' + usd })
     export default defineConfig({ model: 'script:script.json', agents: { main: codeAgent({ name: 'main', description: 'Hits.', tools: [hit, pay] }) }${more} })`,
  )
}

const hits = (at: Place): readonly string[] =>
  existsSync(join(at.dir, 'hits')) ? readFileSync(join(at.dir, 'hits'), 'utf8').trim().split('\n') : []

/** Until a third call has begun: by then the log has the second one's answer. */
async function thirdBegun(at: Place): Promise<void> {
  while (!existsSync(join(at.dir, 'third'))) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function detached(at: Place, ...args: readonly string[]): Promise<string> {
  const ended = await at.troupe(['run', ...args, '--detach'])
  expect(ended).toMatchObject({ code: 0, last: { type: 'run-queued', runId: expect.any(String), status: 'queued' } })
  expect(ended.out.trim().split('\n')).toHaveLength(1)
  expect(Object.keys(ended.last)).toEqual(['type', 'runId', 'status'])
  return ended.runId
}

type Line = Readonly<Record<string, JsonValue>>

/** A worker, with the lines that it tells. */
function working(at: Place, ...args: readonly string[]): Started & { line(type: string, more?: Line): Promise<Line> } {
  const worker = at.start(['worker', '--json', ...args])
  const fits = (line: Line, type: string, more: Line): boolean =>
    line['type'] === type && Object.entries(more).every(([key, value]) => line[key] === value)
  return { ...worker, line: async (type, more = {}) => (await worker.event((line) => fits(line as never, type, more))) as never }
}

async function stopped(worker: Started, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  worker.child.kill(signal)
  return worker.ended
}

const shown = async (at: Place, runId: string): Promise<Line> => (await at.troupe(['runs', 'show', runId, '--json'])).last

describe('a detached run', () => {
  it('is queued, said to be so when nobody serves the store, and ended by a worker of another process', async () => {
    const at = place()
    counting(at)
    const first = await at.troupe(['run', 'quick', '--detach', '--json', '--tenant', 'acme'])
    expect(first).toMatchObject({ code: 0, last: { type: 'run-queued', status: 'queued' } })
    expect(first.err).toMatch(/^no worker serves sqlite:.*troupe worker/)
    const { runId } = first
    expect(await shown(at, runId)).toMatchObject({
      status: 'queued',
      tenant: 'acme',
      steps: 0,
      queue: { status: 'queued', priority: 100, attempts: 0 },
    })
    expect((await at.troupe(['runs', 'ls'])).out).toMatch(new RegExp(`${runId} +queued`))
    expect(await at.troupe(['runs', 'why', runId])).toMatchObject({ code: 0, out: expect.stringContaining('no worker serves this store') })

    const worker = working(at)
    expect(await worker.line('run-left', { runId })).toMatchObject({ status: 'done', agent: 'main', steps: 1, error: null })
    const second = await at.troupe(['run', 'quick', '--detach'])
    expect(second).toMatchObject({ code: 0, err: '' })
    await worker.line('run-left', { runId: second.runId })
    const { code, events } = await stopped(worker)
    expect(code).toBe(0)
    const types = (events as readonly object[] as readonly Line[]).map((line) => line['type'])
    expect(types).toEqual(['worker-start', 'run-taken', 'run-left', 'run-taken', 'run-left', 'worker-drain', 'worker-end'])
    expect(await shown(at, runId)).toMatchObject({ status: 'done', output: 7 })
    expect(await shown(at, runId)).not.toHaveProperty('queue')
    expect(hits(at)).toEqual(['7', '7'])
  })

  it('with a lower number of priority is taken first', async () => {
    const at = place()
    counting(at)
    const runs = [
      await detached(at, 'c', '--priority', '7'),
      await detached(at, 'b', '--priority', '3'),
      await detached(at, 'a', '--priority', '0'),
      await detached(at, 'd'),
    ]
    const worker = working(at, '--concurrency', '1')
    await worker.line('run-left', { runId: runs[3] ?? '' })
    const { events } = await stopped(worker)
    const taken = (events as readonly object[] as readonly Line[]).flatMap((line) => (line['type'] === 'run-taken' ? [line['runId']] : []))
    expect(taken).toEqual([runs[2], runs[1], runs[0], runs[3]])
  })

  it('is refused where it would be forgotten, above the configured depth, and while its session is busy', async () => {
    const at = place()
    counting(at, ', queue: { admission: { maxDepth: 1 } }')
    expect(await at.troupe(['run', 'x', '--detach', '--store', 'memory:'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('keeps no runs'),
    })
    expect(await at.troupe(['run', 'x', '--detach', '--wait', '5'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--wait has no use'),
    })
    const runId = await detached(at, 'quick', '--session', 's')
    expect(await at.troupe(['run', 'x', '--detach'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/1 runs? (is|are) queued.*try again in \d+ ms/),
    })
    expect(await at.troupe(['run', 'x', '--detach', '--session', 's'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(runId),
    })
    expect((await at.troupe(['runs', 'ls', '--json'])).events).toHaveLength(1)
  })

  it('is cancelled while it is queued, parked, or driven by a worker', async (context) => {
    onlyWhenAllAsked(context)
    const at = place()
    counting(at)
    const queued = await detached(at, 'quick')
    expect(await at.troupe(['runs', 'cancel', queued])).toMatchObject({ code: 0, out: `cancelled ${queued}\n` })
    const asks = await detached(at, 'asks')
    const slow = await detached(at, 'slow')
    const worker = working(at)
    await worker.line('run-left', { runId: asks, status: 'waiting' })
    expect(await shown(at, asks)).toMatchObject({ status: 'waiting', queue: { status: 'parked' } })
    expect(await at.troupe(['runs', 'cancel', asks])).toMatchObject({ code: 0 })
    await worker.line('run-taken', { runId: slow })
    expect(await at.troupe(['runs', 'cancel', slow])).toMatchObject({ code: 0 })
    await worker.line('run-left', { runId: slow, status: 'cancelled' })
    for (const runId of [queued, asks, slow]) expect(await shown(at, runId)).toMatchObject({ status: 'cancelled' })
    expect((await stopped(worker)).code).toBe(0)
    expect(hits(at)).not.toContain('3')
  })

  it('that waits holds no slot, and goes on in the worker once it is approved elsewhere', async () => {
    const at = place()
    counting(at)
    const asks = await detached(at, 'asks')
    const worker = working(at, '--concurrency', '1')
    expect(await worker.line('run-left', { runId: asks })).toMatchObject({
      status: 'waiting',
      waits: [{ callId: `${asks}:1.1`, reason: 'approval' }],
    })
    const quick = await detached(at, 'quick')
    await worker.line('run-left', { runId: quick, status: 'done' })
    expect(await at.troupe(['runs', 'approve', asks])).toMatchObject({ code: 0 })
    await worker.line('run-left', { runId: asks, status: 'done' })
    expect(await shown(at, asks)).toMatchObject({ status: 'done', output: 'paid 5' })
    await stopped(worker)
  })
})

describe('a worker', () => {
  it('drains on SIGTERM: what is under way ends, what is queued stays', async () => {
    const at = place()
    counting(at)
    const slow = await detached(at, 'slow')
    const quick = await detached(at, 'quick')
    const worker = working(at, '--concurrency', '1')
    await worker.line('run-taken', { runId: slow })
    worker.child.kill('SIGTERM')
    await worker.line('worker-drain')
    at.write('go', '')
    expect(await worker.ended).toMatchObject({ code: 0, last: { type: 'worker-end' } })
    expect(await shown(at, slow)).toMatchObject({ status: 'done', output: 10 })
    expect(await shown(at, quick)).toMatchObject({ status: 'queued' })
    expect(hits(at)).toEqual(['1', '2', '3', '4'])
  })

  it('stops what has not ended when the grace is over, and the next one goes on with it', async () => {
    const at = place()
    counting(at)
    const slow = await detached(at, 'slow')
    const worker = working(at, '--grace', '0.2')
    await thirdBegun(at)
    expect(await stopped(worker, 'SIGINT')).toMatchObject({ code: 0 })
    expect(await shown(at, slow)).toMatchObject({ status: 'queued', queue: { attempts: 0, lastError: null } })
    at.write('go', '')
    const next = working(at)
    await next.line('run-left', { runId: slow, status: 'done' })
    await stopped(next)
    expect(await shown(at, slow)).toMatchObject({ output: 10 })
    expect(hits(at)).toEqual(['1', '2', '3', '4'])
  })

  it('ends at once with a second signal', async () => {
    const at = place()
    counting(at)
    await detached(at, 'slow')
    const worker = working(at)
    await thirdBegun(at)
    worker.child.kill('SIGTERM')
    await worker.line('worker-drain')
    expect(await stopped(worker)).toMatchObject({ code: 143 })
  })

  it('killed with -9 leaves its runs to the next one, which repeats no finished call', async () => {
    const at = place()
    counting(at)
    const slow = await detached(at, 'slow')
    const worker = working(at)
    await thirdBegun(at)
    await stopped(worker, 'SIGKILL')
    at.write('go', '')
    const next = working(at)
    await next.line('run-left', { runId: slow, status: 'done' })
    await stopped(next)
    expect(await shown(at, slow)).toMatchObject({ output: 10 })
    expect(hits(at)).toEqual(['1', '2', '3', '4'])
  })

  it('is the only one of its file: a second one is refused, and the first goes on', async () => {
    const at = place()
    counting(at)
    const worker = working(at)
    await worker.line('worker-start')
    const second = await at.troupe(['worker', '--json'])
    expect(second).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/consumed already/) })
    expect(second.err.trim().split('\n')).toHaveLength(1)
    const runId = await detached(at, 'quick')
    await worker.line('run-left', { runId, status: 'done' })
    await stopped(worker)
  })

  it('tells people in plain lines', async () => {
    const at = place()
    counting(at)
    const runId = await detached(at, 'quick')
    const worker = at.start(['worker'])
    while ((await shown(at, runId))['status'] !== 'done') await new Promise((resolve) => setTimeout(resolve, 50))
    const { code, out } = await stopped(worker)
    expect(code).toBe(0)
    expect(out).toMatch(/^takes runs from sqlite:/)
    expect(out).toContain(`→ ${runId} main`)
    expect(out).toContain(`← ${runId} main done: 1 step`)
    expect(out.trimEnd().split('\n').at(-1)).toBe('drained')
  })

  it('refuses agents that are not configured and stores that forget', async () => {
    const at = place()
    counting(at)
    expect(await at.troupe(['worker', '--agents', 'mian'])).toMatchObject({ code: 2, err: expect.stringContaining('did you mean main?') })
    expect(await at.troupe(['worker', '--store', 'memory:'])).toMatchObject({ code: 2, err: expect.stringContaining('keeps no runs') })
    expect(await at.troupe(['worker', '--concurrency', '0'])).toMatchObject({ code: 2, err: expect.stringContaining('--concurrency') })
  })
})

describe('a run with a priority that is followed', () => {
  it('is taken by the worker, and shown here', async () => {
    const at = place()
    counting(at)
    const worker = working(at)
    await worker.line('worker-start')
    const ended = await at.troupe(['run', 'quick', '--priority', '1', '--json'])
    expect(ended).toMatchObject({ code: 0, last: { type: 'run-end', status: 'done', output: 7 } })
    expect(ended.events.map((event) => event.type)).toContain('tool-end')
    await worker.line('run-left', { runId: ended.runId, status: 'done' })
    await stopped(worker)
  })

  it('needs no worker: this process takes it; and the next one when that goes', async (context) => {
    onlyWhenAllAsked(context)
    const at = place()
    counting(at)
    const first = at.start(['run', 'slow', '--priority', '1', '--json'])
    await thirdBegun(at)
    const second = at.start(['run', 'quick', '--priority', '2', '--json'])
    expect(await second.ended).toMatchObject({ code: 0, last: { type: 'run-end', output: 7 } }) // By the worker of the first process.
    const third = at.start(['run', 'slow', '--priority', '3', '--json'])
    await third.event((event) => event.type === 'tool-start')
    expect(await stopped(first)).toMatchObject({ code: 143 })
    at.write('go', '')
    expect(await third.ended).toMatchObject({ code: 0, last: { type: 'run-end', output: 10 } })
    const runId = first.child.pid === undefined ? '' : (await first.ended).runId
    await third.ended
    const left = await shown(at, runId)
    expect(['queued', 'running', 'done']).toContain(left['status'])
    if (left['status'] !== 'done') expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({ code: 0, last: { output: 10 } })
    expect(await shown(at, runId)).toMatchObject({ status: 'done', output: 10 })
    expect(hits(at).toSorted()).toEqual(['1', '1', '2', '2', '3', '3', '4', '4', '7'])
  })

  it('is cancelled by Ctrl-C; killed with -9 it is resumed, and why says that nobody has it', async (context) => {
    onlyWhenAllAsked(context)
    const at = place()
    counting(at)
    const cancelled = at.start(['run', 'slow', '--priority', '1', '--json'])
    await cancelled.event((event) => event.type === 'tool-start')
    expect(await stopped(cancelled, 'SIGINT')).toMatchObject({ code: 130, last: { type: 'run-end', status: 'cancelled' } })
    const run = at.start(['run', 'slow', '--priority', '1', '--json'])
    const { runId } = await run.event((event) => event.type === 'tool-start' && JSON.stringify(event.args).includes('3'))
    await stopped(run, 'SIGKILL')
    expect((await at.troupe(['runs', 'why', runId])).out).toContain('no worker serves this store any more')
    at.write('go', '')
    expect(await at.troupe(['resume', runId, '--json'])).toMatchObject({ code: 0, last: { type: 'run-end', output: 10 } })
    expect(await shown(at, runId)).not.toHaveProperty('queue')
  })

  it('leaves its place in the queue to others on SIGTERM', async () => {
    const at = place()
    counting(at)
    const run = at.start(['run', 'slow', '--priority', '1', '--json'])
    await thirdBegun(at)
    const { code, runId } = await stopped(run)
    expect(code).toBe(143)
    expect(await shown(at, runId)).toMatchObject({ status: 'queued' })
    at.write('go', '')
    const worker = working(at)
    await worker.line('run-left', { runId, status: 'done' })
    await stopped(worker)
    expect(hits(at)).toEqual(['1', '2', '3', '4'])
  })
})

it('four runs and a worker on one file all end', async () => {
  const at = place()
  counting(at)
  const queued = await detached(at, 'quick')
  const worker = working(at)
  await worker.line('worker-start')
  const runs = await Promise.all(
    [1, 2, 3, 4].map((n) => at.troupe(['run', `quick ${n}`, '--json', ...(n % 2 === 0 ? ['--priority', '1'] : [])])),
  )
  for (const run of runs) expect(run).toMatchObject({ code: 0, last: { type: 'run-end', status: 'done', output: 7 } })
  await worker.line('run-left', { runId: queued, status: 'done' })
  expect((await stopped(worker)).code).toBe(0)
  expect(hits(at)).toHaveLength(5)
})
