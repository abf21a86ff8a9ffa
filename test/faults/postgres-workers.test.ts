/** What befalls the workers of a fleet on PostgreSQL: killed, stopped and woken after a takeover, cut off, two at once. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { dbos } from '../../src/engine/dbos/dbos.ts'
import { openRuntime, type Runtime } from '../../src/engine/runtime.ts'
import { sql, startPostgres, type TestPostgres } from '../postgres.ts'
import { castOf } from './cast.ts'
import { farEnd, type FarEnd } from './far-end.ts'
import { fleetWorker, type FleetWorker } from './postgres-worker.ts'
import { pause, until } from './until.ts'
import { isAllAsked, onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

const TIMEOUT_MS = 90_000
const STALE_MS = 3_000
const FENCED = 70

let postgres: TestPostgres
beforeAll(async () => {
  if (isAllAsked) postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.[Symbol.asyncDispose]())

let outside: FarEnd
let store = ''
beforeEach(async () => {
  outside = await farEnd()
  store = await postgres.freshUrl()
})
afterEach(() => outside?.[Symbol.asyncDispose]())

/** This process on the same store: it asks and looks, and never works. */
async function desk(): Promise<Runtime> {
  const runtime = await openRuntime({ engine: dbos({ url: store }), agents: Object.values(castOf(outside.url)) })
  onTestFinished(() => runtime[Symbol.asyncDispose]())
  return runtime
}

async function errands(runtime: Runtime, count: number): Promise<readonly string[]> {
  const { errand } = castOf(outside.url)
  if (!errand) throw new Error('no errand')
  return Promise.all(Array.from({ length: count }, (_, i) => runtime.enqueue(errand, `e${i}`, { runId: `e${i}` })))
}

function worker(concurrency: number, staleMs: number = STALE_MS): Promise<FleetWorker> {
  return fleetWorker({ store, url: outside.url, concurrency, staleMs })
}

async function ends(): Promise<readonly { readonly run: string; readonly ends: number; readonly status: string }[]> {
  return sql(
    store,
    `select run, count(*)::integer as ends, min(body::json ->> 'status') as status from troupe.entries where type = 'run-end' group by run order by run`,
  )
}

async function allEnd(count: number, patienceMs?: number): Promise<void> {
  try {
    await until(async () => {
      await pause(200)
      return (await ends()).length === count
    }, patienceMs)
  } catch (error) {
    const open = await sql(
      store,
      `select q.*, w.status as turn, w.executor_id from troupe.queue q left join troupe_dbos.workflow_status w on w.workflow_uuid = q.run || ':' || q.segment limit 5`,
    )
    throw new Error(`these did not end: ${JSON.stringify(open)}`, { cause: error })
  }
  expect((await ends()).filter((end) => end.ends !== 1 || end.status !== 'done')).toEqual([])
}

/** How often each step was done, over all runs: the least and the most. */
async function timesOf(part: string): Promise<{ readonly least: number; readonly most: number; readonly runs: number }> {
  const counts = Object.values(await outside.counts(part))
  return { least: Math.min(...counts), most: Math.max(...counts), runs: counts.length }
}

const ONCE = (runs: number): object => ({ least: 1, most: 1, runs })

describe('of two workers', () => {
  it(
    'one killed by kill -9 with runs under way leaves them to the other, and nothing that had ended is done again',
    async () => {
      const runtime = await desk()
      await outside.hold('b')
      await errands(runtime, 12)
      const first = await worker(4, 60_000)
      await outside.seen('b', 4)
      const second = await worker(4, 60_000)
      await outside.seen('b', 8)
      first.child.kill('SIGKILL')
      await outside.letGo('b')
      await allEnd(12)
      expect(await timesOf('a')).toEqual(ONCE(12))
      expect(await timesOf('c')).toEqual(ONCE(12))
      const b = await outside.counts('b')
      expect(Object.values(b).filter((times) => times === 2).length).toBe(4) // In flight at the kill: once more, with the same key.
      expect(Object.values(b).filter((times) => times === 1).length).toBe(8)
      expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
      second.child.kill('SIGTERM')
      expect(await second.ended).toMatchObject({ code: 0 })
      expect(second.lines.at(-1)?.type).toBe('drained')
    },
    TIMEOUT_MS,
  )

  it(
    'one stopped by SIGSTOP is taken over; woken later it writes nothing, does nothing more, and exits',
    async () => {
      const runtime = await desk()
      await outside.hold('b')
      await errands(runtime, 4)
      const first = await worker(4)
      await outside.seen('b', 4)
      first.child.kill('SIGSTOP')
      const second = await worker(4)
      await outside.seen('b', 8) // Taken over, while the first one's connections are open.
      await outside.letGo('b')
      await allEnd(4)
      const before = { log: await sql(store, 'select run, seq, epoch from troupe.entries order by run, seq'), deeds: await outside.deeds() }
      first.child.kill('SIGCONT')
      expect((await first.ended).code).toBe(FENCED)
      expect({
        log: await sql(store, 'select run, seq, epoch from troupe.entries order by run, seq'),
        deeds: await outside.deeds(),
      }).toEqual(before)
      expect(await timesOf('a')).toEqual(ONCE(4))
      expect(await timesOf('b')).toEqual({ least: 2, most: 2, runs: 4 })
      expect(await timesOf('c')).toEqual(ONCE(4))
      second.child.kill('SIGKILL')
    },
    TIMEOUT_MS,
  )

  it(
    'one whose connection that tells that it lives is cut exits at once, and the other goes on with its runs',
    async () => {
      const runtime = await desk()
      await outside.hold('b')
      await errands(runtime, 4)
      const first = await worker(4, 60_000)
      await outside.seen('b', 4)
      const second = await worker(4, 60_000)
      const [{ id } = { id: '' }] = await sql<{ id: string }>(store, 'select id from troupe.workers order by beat desc')
      const cut = await sql(
        store,
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'troupe lock%'
           and pid in (select pid from pg_locks l where ((l.classid::bigint << 32) | l.objid::bigint) =
             (select troupe.lock_key(executor_id) from troupe_dbos.workflow_status where status = 'PENDING' limit 1))`,
      )
      expect(id).not.toBe('')
      expect(cut.length).toBe(1)
      expect((await first.ended).code).toBe(FENCED)
      await outside.seen('b', 8)
      await outside.letGo('b')
      await allEnd(4)
      expect(await timesOf('a')).toEqual(ONCE(4))
      expect(await timesOf('c')).toEqual(ONCE(4))
      second.child.kill('SIGKILL')
    },
    TIMEOUT_MS,
  )

  it(
    'all other connections are cut, again and again: both go on, and no run ends otherwise',
    async () => {
      const runtime = await desk()
      const both = await Promise.all([worker(4, 60_000), worker(4, 60_000)])
      await errands(runtime, 60)
      for (let i = 0; i < 8; i++) {
        await pause(150)
        await sql(
          store,
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
             and application_name not like 'troupe lock%' and pid <> pg_backend_pid()`,
        )
      }
      await allEnd(60)
      for (const part of ['a', 'b', 'c']) expect((await timesOf(part)).runs).toBe(60)
      const effects = await sql<{ count: number }>(store, `select count(*)::integer as count from troupe.entries where type = 'effect'`)
      expect(effects).toEqual([{ count: 180 }])
      for (const { child, ended } of both) {
        child.kill('SIGTERM')
        expect(await ended).toMatchObject({ code: 0 })
      }
    },
    TIMEOUT_MS,
  )

  it(
    'both share a thousand runs, and each of those ends once',
    async () => {
      const runtime = await desk()
      await errands(runtime, 1_000)
      const both = await Promise.all([worker(16, 60_000), worker(16, 60_000)])
      await allEnd(1_000, 80_000)
      for (const part of ['a', 'b', 'c']) expect(await timesOf(part)).toEqual(ONCE(1_000))
      const taken = both.map(({ lines }) => lines.filter(({ type }) => type === 'taken').length)
      expect(taken.reduce((a, b) => a + b, 0)).toBe(1_000)
      expect(Math.min(...taken) > 100).toBe(true)
      for (const { child } of both) child.kill('SIGKILL')
    },
    TIMEOUT_MS,
  )
})
