/** PostgreSQL goes away and comes back under a fleet: no fault of the store is a run's outcome. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { dbos } from '../../src/engine/dbos/dbos.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import { sql, startPostgres, type TestPostgres } from '../postgres.ts'
import { castOf } from './cast.ts'
import { mulberry } from './chance.ts'
import { farEnd, type FarEnd } from './far-end.ts'
import { fleetWorker } from './postgres-worker.ts'
import { pause } from './until.ts'
import { isAllAsked, onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

const RUNS = 200
const STOPS = 3
const EVERY_MS = 5_000
const MOST_AWAY_MS = 2_000
const WORKERS = 2
const CONCURRENCY = 4
const PATIENCE_MS = 60_000

let postgres: TestPostgres
let outside: FarEnd
beforeAll(async () => {
  if (isAllAsked) postgres = await startPostgres({ durable: true })
}, 60_000)
afterAll(() => postgres?.[Symbol.asyncDispose]())
beforeEach(async () => {
  outside = await farEnd()
})
afterEach(() => outside?.[Symbol.asyncDispose]())

/** What a caller does that is told to try again. */
async function insist<T>(work: () => Promise<T>): Promise<T | undefined> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (TroupeError.is(error, 'engine/duplicate-key')) return undefined // The answer was lost, not the run.
      if (!(TroupeError.is(error) && error.retryable) || performance.now() > end) throw error
      await pause(100)
    }
  }
}

/** A worker that is started anew whenever it has lost its place, as whoever runs it would. */
async function keepWorking(store: string, isOver: () => boolean, codes: (number | null)[]): Promise<void> {
  while (!isOver()) {
    try {
      const { ended } = await fleetWorker({ store, url: outside.url, concurrency: CONCURRENCY, staleMs: 60_000 })
      codes.push((await ended).code)
    } catch {
      await pause(200) // There was no server to start with.
    }
  }
}

it(
  'stopped for up to 2 s every 5 s under 200 runs, each ends once, done, and nothing that is in a log is done again',
  { timeout: 180_000 },
  async () => {
    const store = await postgres.freshUrl()
    const random = mulberry(7)
    const runtime = await openRuntime({ engine: dbos({ url: store }), agents: Object.values(castOf(outside.url)) })
    onTestFinished(() => runtime[Symbol.asyncDispose]())
    const { errand } = castOf(outside.url)
    if (!errand) throw new Error('no errand')
    let isOver = false
    const codes: (number | null)[] = []
    onTestFinished(() => void (isOver = true))
    for (let i = 0; i < WORKERS; i++) keepWorking(store, () => isOver, codes).catch(() => {})

    const enqueued = (async () => {
      for (let i = 0; i < RUNS; i++) {
        await insist(() => runtime.enqueue(errand, `e${i}`, { runId: `e${i}`, maxAttempts: 50 }))
        await pause((STOPS * EVERY_MS) / RUNS)
      }
    })()
    for (let i = 0; i < STOPS; i++) {
      await pause(EVERY_MS)
      await postgres.stop()
      await pause(random() * MOST_AWAY_MS)
      await postgres.start()
    }
    await enqueued

    const ends = (): Promise<readonly { run: string; ends: number; status: string }[]> =>
      sql(
        store,
        `select run, count(*)::integer as ends, min(body::json ->> 'status') as status from troupe.entries where type = 'run-end' group by run`,
      )
    const end = performance.now() + PATIENCE_MS
    while ((await ends()).length < RUNS && performance.now() < end) await pause(200)
    isOver = true
    expect((await ends()).length).toBe(RUNS)
    expect((await ends()).filter((each) => each.ends !== 1 || each.status !== 'done')).toEqual([])
    expect(await sql(store, `select type, count(*)::integer as count from troupe.entries where type = 'effect' group by type`)).toEqual([
      { type: 'effect', count: RUNS * 3 },
    ])
    // Only what was in flight at a stop was done again: at most one step of each place of each worker.
    const counts = Object.values(await outside.counts())
    expect(counts.length).toBe(RUNS * 3)
    const repeated = counts.reduce((sum, times) => sum + times - 1, 0)
    expect(repeated <= STOPS * WORKERS * CONCURRENCY).toBe(true)
    expect(codes.length > 0 && codes.every((code) => code === 70)).toBe(true) // Each worker that ended did so because it lost its place.
    expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
  },
)
