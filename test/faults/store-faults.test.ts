/** What befalls the store and the clock under running work: a damaged log, a full disk, time that goes back. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AgentRef } from '../../src/engine/context.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { systemClock, type Clock } from '../../src/util/clock.ts'
import { castOf } from './cast.ts'
import { farEnd } from './far-end.ts'
import { folder } from './player.ts'
import { pause, until } from './until.ts'

afterEach(() => void vi.restoreAllMocks())

describe('a log that is damaged on the disk', () => {
  it('fails its own run with a clear error, and the others of the same worker go on', { timeout: 180_000 }, async () => {
    await using outside = await farEnd()
    const path = join(folder(), 'troupe.db')
    const { waiter } = castOf(outside.url)
    if (!waiter) throw new Error('no waiter')
    await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [waiter], parkAfterMs: 0 })
    await runtime.work({ concurrency: 2 })
    const runs = ['w1', 'w2', 'w3']
    for (const runId of runs) await runtime.enqueue(waiter, 'approval', { runId })
    await until(async () => (await runtime.depth()).parked === 3)
    const database = new DatabaseSync(path)
    const hit = database.prepare(`update entries set body = substr(body, 1, 5) where run = 'w2' and type = 'effect'`).run()
    expect(hit.changes).toBeGreaterThan(0)
    database.close()

    await expect(runtime.approve('w2')).rejects.toMatchObject({ code: 'engine/log-corrupt' })
    await expect(runtime.resume('w2')).rejects.toMatchObject({ code: 'engine/log-corrupt', message: expect.stringContaining('w2') })
    for (const run of ['w1', 'w3']) await runtime.approve(run)
    for (const run of ['w1', 'w3']) expect((await runtime.follow(run)).status).toBe('done')
    const views = await runtime.list()
    expect(views.toSorted((a, b) => (a.runId < b.runId ? -1 : 1)).map(({ runId, status, error }) => [runId, status, error?.code])).toEqual([
      ['w1', 'done', undefined],
      ['w2', 'failed', 'engine/log-corrupt'],
      ['w3', 'done', undefined],
    ])
    expect(await outside.counts('after')).toEqual({ 'w1:after': 1, 'w3:after': 1 })
  })

  it('is a dead letter when a worker takes it, and holds up nobody', { timeout: 180_000 }, async () => {
    await using outside = await farEnd()
    const path = join(folder(), 'troupe.db')
    const { errand } = castOf(outside.url)
    if (!errand) throw new Error('no errand')
    await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [errand], parkAfterMs: 0 })
    for (const runId of ['e1', 'e2', 'e3']) await runtime.enqueue(errand, 'go', { runId })
    const database = new DatabaseSync(path)
    database.exec(`update entries set body = '{"half' where run = 'e1'`)
    database.close()
    await runtime.work({ concurrency: 1 })
    for (const run of ['e2', 'e3']) expect((await runtime.follow(run)).status).toBe('done')
    await until(async () => (await runtime.queued('e1'))?.status === 'dead')
    expect((await runtime.queued('e1'))?.lastError).toMatch(/^engine\/log-corrupt: .*e1/)
  })
})

describe('a disk that is full', () => {
  it(
    'stops a run where it is, refuses new ones, and is no outcome: with room again all ends, each step done once',
    { timeout: 180_000 },
    async (context) => {
      const mounted = mountSmall()
      if (typeof mounted === 'string') {
        if (process.env['TROUPE_REQUIRE_SERVICES'] === '1') throw new Error(mounted)
        return context.skip(mounted)
      }
      await using outside = await farEnd()
      const { errand } = castOf(outside.url)
      if (!errand) throw new Error('no errand')
      const runtime = await openRuntime({ engine: sqlite({ path: join(mounted.path, 'troupe.db') }), agents: [errand], parkAfterMs: 0 })
      onTestFinished(() => runtime[Symbol.asyncDispose]())
      await outside.hold('b')
      await runtime.work({ concurrency: 2, backoff: { baseMs: 50, maxMs: 200 } })
      const queued = await runtime.enqueue(errand, 'go', { runId: 'queued', maxAttempts: 1_000 })
      // Its turn comes while nothing can be written.
      const delayed = await runtime.enqueue(errand, 'go', { runId: 'delayed', delayMs: 1_500 })
      const direct = runtime.run(errand, 'go', { runId: 'direct' })
      direct.then(undefined, () => {})
      await outside.seen('b', 2)
      const filler = join(mounted.path, 'filler')
      fill(filler)
      const refused = await refusal(runtime.enqueue(errand, 'late', { runId: 'late', context: { text: 'x'.repeat(200_000) } }))
      expect(refused).toMatchObject({ code: 'engine/store-failed', retryable: true, message: expect.stringContaining('full') })
      await outside.letGo('b')
      await pause(2_000)
      rmSync(filler)
      await until(async () => (await runtime.get(queued)).status === 'done')
      if ((await runtime.get('direct')).status !== 'done') await runtime.resume('direct')
      await until(async () => (await runtime.get(delayed)).status === 'done')
      for (const run of ['queued', 'direct', 'delayed']) {
        const counts = await outside.counts()
        expect([run, counts[`${run}:a`], counts[`${run}:c`]]).toEqual([run, 1, 1])
        expect(counts[`${run}:b`]).toBeLessThanOrEqual(2)
      }
      await runtime.enqueue(errand, 'late', { runId: 'late' })
      await until(async () => (await runtime.get('late')).status === 'done')
    },
  )
})

/** A disk of a few megabytes in memory, gone with the test; or why there can be none. */
function mountSmall(): { readonly path: string } | string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root: a small disk is mounted'
  const path = join(folder(), 'disk')
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'pipe' })
  } catch (error) {
    return `needs to mount a small disk: ${String(error).split('\n')[0]}`
  }
  onTestFinished(() => void execFileSync('umount', ['-l', path]))
  return { path }
}

function fill(path: string): void {
  for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it was not refused',
    (error: unknown) => error,
  )
}

const HOUR_MS = 3_600_000

describe('a clock that is set back by an hour', () => {
  it('in the middle of a run changes neither its answer nor the order of its log, nor a resume', { timeout: 180_000 }, async () => {
    await using outside = await farEnd()
    const { desk } = castOf(outside.url)
    if (!desk) throw new Error('no desk')
    let back = 0
    const clock: Clock = { now: () => Date.now() - back, after: (ms, callback) => systemClock.after(ms, callback) }
    const engine = sqlite({ path: join(folder(), 'troupe.db') })
    let output: unknown
    {
      await using runtime = await openRuntime({ engine, parkAfterMs: 0, clock })
      const run = runtime.run(desk, 'Go.', {
        runId: 'r1',
        budget: { timeMs: 600_000 },
        on: { 'step-start': ({ step }) => void (back = step >= 2 ? HOUR_MS : 0) },
      })
      for (;;) {
        const result = await run.untilWaiting()
        if (result.status !== 'waiting') break
        for (const { callId } of (await runtime.get(run.id)).waits) await runtime.approve(run.id, callId)
      }
      const view = await runtime.get('r1')
      expect(view.status).toBe('done')
      output = view.output
    }
    expect(output).toMatchObject({ sum: 111, helped: [430, 510], filed: 'filed' })
    await using again = await openRuntime({ engine, agents: [desk], clock })
    const entries = (await again.entries('r1')).filter(({ run }) => run === 'r1')
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => i + 1))
    const times = entries.map(({ at }) => Date.parse(at))
    expect(Math.min(...times)).toBeLessThan((times[0] ?? 0) - HOUR_MS / 2) // It was indeed set back.
    expect(entries.flatMap(({ body }) => ('durationMs' in body ? [Number(body.durationMs)] : [])).filter((ms) => ms < 0)).toEqual([])
    const done = await outside.counts()
    const fork = await again.fork('r1', { step: 4 })
    expect((await again.resume(fork).untilWaiting()).status).toBe('waiting') // The steps before it are replayed, and it asks for its payment.
    const later = await outside.counts()
    expect(Object.entries(done).filter(([key, times_]) => key.startsWith('r1') && later[key] !== times_)).toEqual([])
  })

  it('holds up no queue: what is due is taken, and a rate is kept to and not stretched to an hour', { timeout: 180_000 }, async () => {
    const order: string[] = []
    const agent: AgentRef = {
      name: 'quick',
      version: '1',
      activate: async ({ task }, ctx) => {
        await ctx.step('note', async () => void order.push(task))
        return { status: 'done' }
      },
    }
    await using runtime = await openRuntime({ engine: memory(), agents: [agent], parkAfterMs: 0 })
    await runtime.work({ concurrency: 1, limits: { tenant: { rate: { limit: 2, periodMs: 300 } } } })
    for (const task of ['a', 'b']) await runtime.enqueue(agent, task)
    await until(() => order.length === 2)
    const now = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => now() - HOUR_MS)
    for (const task of ['c', 'd', 'e']) await runtime.enqueue(agent, task)
    await until(() => order.length === 5, 30_000)
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})
