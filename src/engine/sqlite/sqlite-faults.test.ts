import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { NewEntry } from '../../client/entry.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { LogStore } from '../engine.ts'
import { openRuntime } from '../runtime.ts'
import { LogDatabase } from './log-database.ts'
import { openDatabase } from './open-database.ts'
import { sqlite } from './sqlite.ts'

const root = mkdtempSync(join(tmpdir(), 'troupe-sqlite-faults-'))
afterAll(() => rmSync(root, { recursive: true }))

let count = 0
let path = ''
beforeEach(() => {
  path = join(root, String(++count), 'troupe.db')
})

const AT = '2026-01-02T03:04:05.678Z'
const start: NewEntry<'run-start'> = {
  key: 'start',
  at: AT,
  type: 'run-start',
  body: { version: 1, agent: 'a', agentVersion: '1', input: { task: 't' }, rootRunId: 'r' },
}
const log = (message: string): NewEntry => ({ at: AT, type: 'log', body: { level: 'info', message } })

async function faultOf(work: Promise<unknown>): Promise<{ code: string; message: string; retryable: boolean }> {
  const error = await work.then(
    () => new Error('it resolved'),
    (error: unknown) => error,
  )
  return TroupeError.is(error) ? error.toJSON() : { code: String(error), message: '', retryable: false }
}

/** A process of its own that has opened the store as `store`; told are the lines that it prints. */
function processOn(path: string, body: string): ChildProcess {
  const code = `
    import { sqlite } from ${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)}
    const store = await sqlite({ path: ${JSON.stringify(path)} }).open()
    const start = ${JSON.stringify(start)}
    const log = (message) => ({ at: ${JSON.stringify(AT)}, type: 'log', body: { level: 'info', message } })
    ${body}`
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function outputOf(child: ChildProcess): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const texts = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => (texts.stdout += String(chunk)))
  child.stderr?.on('data', (chunk) => (texts.stderr += String(chunk)))
  const [code] = await once(child, 'close')
  return { code: Number(code), ...texts }
}

describe('a file that cannot be a store', () => {
  const opening = (path: string): ReturnType<typeof faultOf> => faultOf(sqlite({ path }).open())

  it('is refused with one line that says why', async () => {
    mkdirSync(join(root, 'directory'))
    writeFileSync(join(root, 'text'), 'not a database, but long enough to be looked at as one: '.repeat(50))
    expect(await opening(join(root, 'directory'))).toMatchObject({ code: 'config/missing-file' })
    expect(await opening(join(root, 'text', 'below', 'troupe.db'))).toMatchObject({ code: 'config/missing-file' })
    expect(await opening('/proc/no/such/troupe.db')).toMatchObject({ code: 'config/missing-file' })
    const fault = await opening(join(root, 'text'))
    expect(fault).toMatchObject({ code: 'engine/store-failed', retryable: false })
    expect(fault.message).toMatch(/^store .*text: the file is no SQLite database; name another file$/)
  })

  it('is refused when it is of a newer format or of another program, and left as it is', async () => {
    const store = await sqlite({ path }).open()
    await store[Symbol.asyncDispose]()
    const database = new DatabaseSync(path)
    database.exec('pragma user_version = 99')
    database.close()
    const newer = await opening(path)
    expect(newer).toMatchObject({ code: 'engine/store-failed', retryable: false })
    expect(newer.message).toContain('format 99')

    const other = new DatabaseSync(join(root, 'other.db'))
    other.exec('create table songs (name text)')
    expect(await opening(join(root, 'other.db'))).toMatchObject({ code: 'engine/store-failed', retryable: false })
    expect(other.prepare('select name from sqlite_schema').all()).toEqual([{ name: 'songs' }])
    other.close()
  })
})

describe('several processes on one file', () => {
  it('write at the same time, and every acknowledged entry is there once, in order', async () => {
    const store = await sqlite({ path }).open()
    await store.create('r', start)
    const writers = ['a', 'b', 'c'].map((name) =>
      outputOf(
        processOn(
          path,
          `await store.create('${name}', start)
           for (let i = 0; i < 60; i++) await Promise.all([store.append('r', [log('${name}' + i)], null), store.append('${name}', [log(String(i))], null)])
           await store[Symbol.asyncDispose]()`,
        ),
      ),
    )
    for (const { code, stderr } of await Promise.all(writers)) expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const shared = await store.read('r')
    expect(shared.map(({ seq }) => seq)).toEqual(Array.from({ length: 181 }, (_, index) => index + 1))
    for (const name of ['a', 'b', 'c']) {
      const own = shared.flatMap(({ body }) => ('message' in body && String(body.message).startsWith(name) ? [body.message] : []))
      expect(own).toEqual(Array.from({ length: 60 }, (_, index) => `${name}${index}`))
      expect((await store.read(name)).length).toBe(61)
    }
    await store[Symbol.asyncDispose]()
  })

  it('claim one run: only the last may write', async () => {
    const store = await sqlite({ path }).open()
    await store.create('r', start)
    const epoch = await store.claim('r')
    const other = await outputOf(
      processOn(path, `console.log(await store.claim('r').catch((e) => e.code), await store.claim('r', { takeOver: true }))`),
    )
    expect(other).toEqual({ code: 0, stdout: 'run/busy 2\n', stderr: '' })
    expect(await faultOf(store.append('r', [log('late')], epoch))).toMatchObject({ code: 'engine/lost-ownership' })
    await store[Symbol.asyncDispose]()
  })
})

describe('a process', () => {
  it('that is killed while it writes leaves all that was acknowledged, and a file that goes on', async () => {
    for (let round = 0; round < 3; round++) {
      const run = `r${round}`
      const child = processOn(
        path,
        `await store.create('${run}', start)
         const epoch = await store.claim('${run}')
         for (let i = 0; ; i += 2) {
           const entries = await Promise.all([store.append('${run}', [log('x'.repeat(5000)), log('y')], epoch), store.append('${run}', [log('z')], epoch)])
           console.log(entries.flat().at(-1).seq)
         }`,
      )
      let acknowledged = 0
      for await (const line of createInterface({ input: child.stdout! })) {
        acknowledged = Number(line)
        if (acknowledged > 20 + round * 31) child.kill('SIGKILL')
      }
      await using store = await sqlite({ path }).open()
      const entries = await store.read(run)
      expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1))
      expect(entries.length).toBeGreaterThanOrEqual(acknowledged)
      // Start, then batches of two and one: half a batch would leave another remainder.
      expect([0, 2]).toContain((entries.length - 1) % 3)
      expect(await store.claim(run)).toBe(2)
      expect((await store.append(run, [log('on')], 2))[0]?.seq).toBe(entries.length + 1)
    }
  })

  it('ends by itself while a store is open and idle, and prints no warning', async () => {
    const told = await outputOf(processOn(path, `await store.create('r', start); console.log('idle')`))
    expect(told).toEqual({ code: 0, stdout: 'idle\n', stderr: '' })
  })

  it('does not end before what it awaits is written', async () => {
    const told = await outputOf(
      processOn(path, `await store.create('r', start); await store.append('r', [log('a')], null); console.log('written')`),
    )
    expect(told).toMatchObject({ code: 0, stdout: 'written\n' })
  })
})

describe('the worker thread', () => {
  const workerOf = (code: string): URL => {
    const file = join(root, `worker-${++count}.mjs`)
    writeFileSync(file, `import { parentPort } from 'node:worker_threads'\n${code}`)
    return pathToFileURL(file)
  }

  it.each([
    ['ends', `parentPort.on('message', () => process.exit(1))`],
    ['throws', `parentPort.on('message', () => { throw new Error('boom') })`],
  ])('that %s fails what is pending and what comes later, and hangs nothing', async (_, body) => {
    const store = await sqlite({ path, workerUrl: workerOf(`${body}\nparentPort.postMessage({ ok: true })`) }).open()
    const pending = await Promise.all([faultOf(store.claim('r')), faultOf(store.read('r'))])
    for (const fault of [...pending, await faultOf(store.heads())])
      expect(fault).toMatchObject({ code: 'engine/store-failed', retryable: false })
    await store[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    expect(await faultOf(store.heads())).toMatchObject({ code: 'engine/closed' })
  })

  it.each([
    ['is not there', pathToFileURL(join(tmpdir(), 'no-such-worker.mjs'))],
    ['ends before it has the file', 'process.exit(0)'],
  ])('that %s is a fault of opening', async (_, worker) => {
    const workerUrl = typeof worker === 'string' ? workerOf(worker) : worker
    expect(await faultOf(sqlite({ path, workerUrl }).open())).toMatchObject({ code: 'engine/store-failed' })
  })
})

describe('damage', () => {
  it('of one run is a fault of that run alone', async () => {
    const store = await sqlite({ path }).open()
    for (const run of ['r1', 'r2', 'r3']) {
      await store.create(run, start)
      await store.append(run, [log('a'), log('b')], null)
    }
    const database = new DatabaseSync(path)
    database.exec(`update entries set body = '{"half' where run = 'r2' and seq = 2`)
    database.exec(`update entries set body = 'gone' where run = 'r3' and seq = 1`)
    database.close()
    expect(await faultOf(store.read('r2'))).toMatchObject({
      code: 'engine/log-corrupt',
      message: expect.stringContaining('entry 2 of run r2'),
    })
    expect(await faultOf(store.readTree('r3'))).toMatchObject({ code: 'engine/log-corrupt' })
    expect((await store.read('r1')).length).toBe(3)
    await store[Symbol.asyncDispose]()

    await using runtime = await openRuntime({ engine: sqlite({ path }) })
    expect((await runtime.list()).map(({ runId, status, error }) => [runId, status, error?.code])).toEqual([
      ['r2', 'failed', 'engine/log-corrupt'],
      ['r1', 'running', undefined],
    ])
  })

  it('a full disk refuses what it cannot keep, and goes on when there is room', () => {
    mkdirSync(join(root, String(count)))
    const database = openDatabase(path)
    const store = new LogDatabase(database, path)
    const row = (body: string) => ({ key: null, at: AT, type: 'log', body, version: 1 })
    const append = (id: number, body: string) => ({ id, name: 'append', ask: { run: 'r', rows: [row(body)], epoch: null } }) as const
    store.perform([{ id: 1, name: 'create', ask: { run: 'r', rows: [row('{}')], under: null } }])
    database.exec('pragma max_page_count = 30')
    const full = store.perform([append(2, 'small'), append(3, 'x'.repeat(500_000)), append(4, 'small')])
    expect(
      full.some(
        (reply) => !reply.ok && reply.error.code === 'engine/store-failed' && reply.error.retryable && reply.error.message.includes('full'),
      ),
    ).toBe(true)
    const kept = full.filter(({ ok }) => ok).length
    database.exec('pragma max_page_count = 10000')
    expect(store.perform([{ id: 5, name: 'read', ask: { run: 'r', after: 0 } }])[0]).toMatchObject({ ok: true, give: { length: 1 + kept } })
    expect(store.perform([append(6, 'x'.repeat(500_000))])).toMatchObject([{ ok: true }])
    store.close()
  })
})

describe('one message', () => {
  it('carries all that is asked in a tick, in one transaction', async () => {
    const store: LogStore = await sqlite({ path }).open()
    await store.create('r', start)
    const changes = (): number => Number(reader.prepare('pragma data_version').get()?.['data_version'])
    const reader = new DatabaseSync(path)
    const before = changes()
    // Another connection sees `data_version` change; between two looks any number of commits count as one, so look at the WAL.
    const frames = (): number => Number(reader.prepare('pragma wal_checkpoint(passive)').get()?.['log'])
    const framesBefore = frames()
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.append('r', [log(String(index))], null)))
    const batched = frames() - framesBefore
    for (let index = 0; index < 50; index++) await store.append('r', [log(String(index))], null)
    const single = frames() - framesBefore - batched
    expect(changes()).toBeGreaterThan(before)
    expect(single).toBeGreaterThan(batched * 5)
    reader.close()
    await store[Symbol.asyncDispose]()
  })
})
