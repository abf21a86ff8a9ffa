/** What befalls workers of one SQLite file: killed, stopped and woken, drained, poisoned, two where one may be. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openRuntime, type Runtime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { castOf } from './cast.ts'
import { farEnd, type FarEnd } from './far-end.ts'
import { folder, player, type Order, type Player } from './player.ts'
import { pause, until } from './until.ts'
import { onlyWhenAllAsked } from '../services.ts'

const TIMEOUT_MS = 180_000

let outside: FarEnd
let store = ''
beforeEach(async () => {
  outside = await farEnd()
  store = join(folder(), 'troupe.db')
})
afterEach(() => outside[Symbol.asyncDispose]())

/** This process on the same file: it asks, approves and looks, and never works. */
async function desk(): Promise<{ readonly runtime: Runtime; readonly cast: ReturnType<typeof castOf>; enqueue: Runtime['enqueue'] }> {
  const cast = castOf(outside.url)
  const runtime = await openRuntime({ engine: sqlite({ path: store }), agents: Object.values(cast) })
  onTestFinished(() => runtime[Symbol.asyncDispose]())
  return { runtime, cast, enqueue: runtime.enqueue.bind(runtime) }
}

type Work = Extract<Order['task'], { type: 'work' }>

async function worker(options: Work['options'] = {}, rest: Omit<Work, 'type' | 'options'> = {}): Promise<Player> {
  const started = player({ store, url: outside.url, task: { type: 'work', options, ...rest } })
  await started.said('works')
  return started
}

/** Enqueues errands; their names are their tasks. */
async function errands(runtime: Runtime, cast: ReturnType<typeof castOf>, count: number): Promise<readonly string[]> {
  const { errand } = cast
  if (!errand) throw new Error('no errand')
  return Promise.all(Array.from({ length: count }, (_, i) => runtime.enqueue(errand, `e${i}`, { runId: `e${i}` })))
}

async function isEnded(runtime: Runtime, runs: readonly string[]): Promise<boolean> {
  for (const run of runs) if ((await runtime.get(run)).status !== 'done') return false
  return true
}

/** How often each step of a run has been done. */
async function timesOf(part: string, runs: readonly string[]): Promise<readonly number[]> {
  const counts = await outside.counts(part)
  return runs.map((run) => counts[`${run}:${part}`] ?? 0)
}

describe('a worker', () => {
  it(
    'killed by kill -9 with five runs under way leaves them to the next, and nothing that had ended is done again',
    async () => {
      const { runtime, cast } = await desk()
      const runs = await errands(runtime, cast, 5)
      await outside.hold('b')
      const first = await worker({ concurrency: 5 })
      await outside.seen('b', 5)
      first.child.kill('SIGKILL')
      await first.ended
      await outside.letGo('b')
      const second = await worker({ concurrency: 5 })
      await until(() => isEnded(runtime, runs))
      expect(await timesOf('a', runs)).toEqual([1, 1, 1, 1, 1])
      expect(await timesOf('b', runs)).toEqual([2, 2, 2, 2, 2]) // In flight: once more, with the same key.
      expect(await timesOf('c', runs)).toEqual([1, 1, 1, 1, 1])
      expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
      second.child.kill('SIGKILL')
    },
    TIMEOUT_MS,
  )

  it(
    'is refused where the file has one, also while that one is stopped',
    async () => {
      const first = await worker()
      const refused = await player({ store, url: outside.url, task: { type: 'work' } }).ended
      expect(refused.last).toMatchObject({ type: 'error', code: 'queue/taken' })
      first.child.kill('SIGSTOP')
      const again = await player({ store, url: outside.url, task: { type: 'work' } }).ended
      expect(again.last).toMatchObject({ type: 'error', code: 'queue/taken' })
      first.child.kill('SIGKILL')
      await first.ended
      await worker()
    },
    TIMEOUT_MS,
  )

  it(
    'stopped by SIGSTOP loses nothing: what is queued meanwhile waits, and all is done once when it is woken',
    async () => {
      const { runtime, cast } = await desk()
      await outside.hold('b')
      const first = await worker({ concurrency: 5 })
      const runs = await errands(runtime, cast, 2)
      await outside.seen('b', 2)
      first.child.kill('SIGSTOP')
      await outside.letGo('b')
      const late = await runtime.enqueue(cast['errand']!, 'late', { runId: 'late' })
      await pause(300)
      expect((await runtime.queued(late))?.status).toBe('queued')
      first.child.kill('SIGCONT')
      await until(() => isEnded(runtime, [...runs, late]))
      for (const part of ['a', 'b', 'c']) expect(await timesOf(part, [...runs, late])).toEqual([1, 1, 1])
    },
    TIMEOUT_MS,
  )

  it(
    'stopped, robbed of its run and woken writes nothing more, and what had ended is not done again',
    async () => {
      const { runtime, cast } = await desk()
      await outside.hold('b')
      const first = await worker()
      const [run = ''] = await errands(runtime, cast, 1)
      await outside.seen('b')
      first.child.kill('SIGSTOP')
      await outside.letGo('b')
      const busy = await player({ store, url: outside.url, task: { type: 'resume', run } }).ended
      expect(busy.last).toMatchObject({ type: 'error', code: 'run/busy' })
      const thief = await player({ store, url: outside.url, task: { type: 'resume', run, takeOver: true } }).ended
      expect(thief.last).toEqual({ type: 'end', status: 'done', output: 'e0' })
      const entries = await runtime.entries(run)
      first.child.kill('SIGCONT')
      await first.said('left')
      expect(await runtime.entries(run)).toEqual(entries)
      expect(await timesOf('a', [run])).toEqual([1])
      expect(await timesOf('b', [run])).toEqual([2])
      expect(await timesOf('c', [run])).toEqual([1])
      // And it goes on working.
      const next = await runtime.enqueue(cast['errand']!, 'next', { runId: 'next' })
      await until(() => isEnded(runtime, [next]))
    },
    TIMEOUT_MS,
  )

  it(
    'drained by SIGTERM ends what it has, takes no more, and exits with 0',
    async () => {
      const { runtime, cast } = await desk()
      await outside.hold('b')
      const first = await worker({ concurrency: 2 })
      const runs = await errands(runtime, cast, 4)
      await outside.seen('b', 2)
      first.child.kill('SIGTERM')
      await first.said('drains')
      await outside.letGo('b')
      expect(await first.ended).toMatchObject({ code: 0, last: { type: 'drained' }, err: '' })
      expect(await runtime.depth()).toEqual({ queued: 2, running: 0, parked: 0, dead: 0 })
      await worker()
      await until(() => isEnded(runtime, runs))
      for (const part of ['a', 'b', 'c']) expect(await timesOf(part, runs)).toEqual([1, 1, 1, 1])
    },
    TIMEOUT_MS,
  )

  it(
    'whose grace is over leaves its runs as they stand, and the next worker goes on with them',
    async () => {
      const { runtime, cast } = await desk()
      await outside.hold('b')
      const first = await worker({ concurrency: 2 }, { graceMs: 50 })
      const runs = await errands(runtime, cast, 2)
      await outside.seen('b', 2)
      first.child.kill('SIGTERM')
      expect(await first.ended).toMatchObject({ code: 0, last: { type: 'drained' }, err: '' })
      expect(await runtime.depth()).toEqual({ queued: 2, running: 0, parked: 0, dead: 0 })
      await outside.letGo('b')
      await worker()
      await until(() => isEnded(runtime, runs))
      expect(await timesOf('a', runs)).toEqual([1, 1])
      expect(await timesOf('c', runs)).toEqual([1, 1])
    },
    TIMEOUT_MS,
  )

  it(
    'is killed each time by a poisonous run, which is a dead letter after its attempts; the others go on',
    async () => {
      const { runtime, cast } = await desk()
      const poison = await runtime.enqueue(cast['poison']!, 'die', { runId: 'poison', priority: 0, maxAttempts: 3 })
      const runs = await errands(runtime, cast, 6)
      let deaths = 0
      for (; deaths < 10; deaths++) {
        const next = await worker({ concurrency: 2 })
        const isOver = async (): Promise<boolean> => (await runtime.get(poison)).status === 'failed' && (await isEnded(runtime, runs))
        const died = next.ended.then(() => true)
        if (!(await Promise.race([died, until(isOver).then(() => false)]))) break
      }
      expect(deaths).toBe(3)
      expect(await outside.counts('die')).toEqual({ 'poison:die': 3 })
      const view = await runtime.get(poison)
      expect([view.status, view.error?.code]).toEqual(['failed', 'queue/dead-letter'])
      // A step may be in flight at each death, and is done once more then.
      for (const times of await timesOf('c', runs)) expect(times >= 1 && times <= 1 + deaths).toBe(true)
      expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
    },
    TIMEOUT_MS,
  )
})

describe('a run that is parked', () => {
  it(
    'takes an approval while no worker lives, and goes on with the next one',
    async () => {
      const { runtime, cast } = await desk()
      const first = await worker()
      const run = await runtime.enqueue(cast['waiter']!, 'approval', { runId: 'w1' })
      await until(async () => (await runtime.queued(run))?.status === 'parked')
      first.child.kill('SIGKILL')
      await first.ended
      await runtime.approve(run)
      await expect(runtime.approve(run, `${run}:ask`)).rejects.toMatchObject({ code: 'run/already-decided' })
      expect((await runtime.queued(run))?.status).toBe('queued')
      await pause(300)
      expect((await runtime.get(run)).status).not.toBe('done')
      await worker()
      await until(() => isEnded(runtime, [run]))
      expect([await timesOf('before', [run]), await timesOf('after', [run])]).toEqual([[1], [1]])
    },
    TIMEOUT_MS,
  )

  it(
    'by a timer goes on at its time, not before, though its worker is killed meanwhile',
    async (context) => {
      onlyWhenAllAsked(context)
      const { runtime, cast } = await desk()
      const first = await worker()
      const [over, ahead] = await Promise.all([
        runtime.enqueue(cast['waiter']!, '700', { runId: 'w1' }),
        runtime.enqueue(cast['waiter']!, '4000', { runId: 'w2' }),
      ])
      await until(async () => (await runtime.queued(over))?.status === 'parked' && (await runtime.queued(ahead))?.status === 'parked')
      first.child.kill('SIGKILL')
      await first.ended
      await pause(700) // The time of one comes while no worker lives.
      await worker()
      await until(() => isEnded(runtime, [over, ahead]))
      for (const run of [over, ahead]) {
        const { output } = await runtime.get(run)
        expect(output).toBeGreaterThanOrEqual(run === over ? 700 : 4_000)
      }
      expect([await timesOf('before', [over, ahead]), await timesOf('after', [over, ahead])]).toEqual([
        [1, 1],
        [1, 1],
      ])
    },
    TIMEOUT_MS,
  )
})
