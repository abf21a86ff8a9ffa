/** What only PostgreSQL can get wrong: addresses, rights, formats, large results, DBOS's private tables. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql, startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { codeOf, newEntry, startOf } from '../../testing/engine-conformance/harness.ts'
import { dbos } from './dbos.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(() => postgres?.[Symbol.asyncDispose]())

const ITEM = {
  agent: 'a',
  tenant: '',
  model: '',
  priority: 1,
  notBefore: null,
  expiresAt: null,
  dedupKey: null,
  maxAttempts: 3,
  isChild: false,
}

async function faultOf(url: string): Promise<TroupeError> {
  const error: unknown = await dbos({ url })
    .open()
    .catch((thrown: unknown) => thrown)
  if (!TroupeError.is(error)) throw new Error(`no Troupe error: ${String(error)}`)
  return error
}

describe('opening', () => {
  it('says what is wrong with an address, and never its password', async () => {
    expect((await faultOf('mysql://u:hidden@h/d')).code).toBe('config/invalid')
    const { port } = new URL(postgres.adminUrl)
    const wrong = {
      password: await faultOf(`postgres://postgres:hidden@127.0.0.1:${port}/postgres`),
      database: await faultOf(`postgres://postgres:secret@127.0.0.1:${port}/nowhere`),
      server: await faultOf('postgres://postgres:hidden@127.0.0.1:1/postgres'),
    }
    expect([wrong.password.code, wrong.database.code, wrong.server.code]).toEqual([
      'config/invalid',
      'config/invalid',
      'engine/store-failed',
    ])
    expect([wrong.password.retryable, wrong.server.retryable]).toEqual([false, true])
    for (const { message } of Object.values(wrong)) expect(message).not.toMatch(/hidden|secret/)
    expect(wrong.server.message).toContain('does not answer')
  })

  it('says that a user may make no tables', async () => {
    await sql(postgres.adminUrl, `create role guest login password 'guest'`)
    await sql(postgres.adminUrl, 'create database of_others')
    const url = Object.assign(new URL(postgres.adminUrl), { username: 'guest', password: 'guest', pathname: '/of_others' }).href
    const fault = await faultOf(url)
    expect(fault.code).toBe('config/invalid')
    expect(fault.message).toContain('grant')
  })

  it('refuses a store of a newer format, and options that are none', async () => {
    const url = await postgres.freshUrl()
    await sql(url, `update troupe.meta set value = '99' where name = 'format'`)
    const fault = await faultOf(url)
    expect([fault.code, fault.retryable]).toEqual(['engine/store-failed', false])
    expect(fault.message).toContain('format 99')
    await expect(async () => dbos({ url, schema: 'No"Name' })).rejects.toMatchObject({ code: 'config/invalid' })
    await expect(async () => dbos({ url, staleMs: 0 })).rejects.toMatchObject({ code: 'config/invalid' })
  })

  it('makes the tables once, however many open an empty database at the same time; schemas are stores of their own', async () => {
    await sql(postgres.adminUrl, 'create database empty_one')
    const url = Object.assign(new URL(postgres.adminUrl), { pathname: '/empty_one' }).href
    const stores = await Promise.all([1, 2, 3].map(() => dbos({ url }).open()))
    await stores[0]?.create('r1', startOf('r1'))
    for (const store of stores) expect((await store.read('r1')).length).toBe(1)
    await using other = await dbos({ url, schema: 'second' }).open()
    expect(await other.read('r1')).toEqual([])
    for (const store of stores) await store[Symbol.asyncDispose]()
  })
})

describe('the store', () => {
  it('keeps a result of 50 MB as it is', { timeout: 60_000 }, async () => {
    await using store = await dbos({ url: await postgres.freshUrl() }).open()
    await store.create('r1', startOf('r1'))
    const value = ('\u0000é"\\' + 'x'.repeat(996)).repeat(50_000)
    await store.append('r1', [newEntry('effect', 'big', { value })], await store.claim('r1'))
    const read = (await store.read('r1', 1))[0]
    expect(read?.type === 'effect' && 'value' in read.body && read.body.value === value).toBe(true)
  })

  it('is driven by one process at a time, until that is gone or lets go', async () => {
    const url = await postgres.freshUrl()
    await using other = await dbos({ url }).open()
    const first = await dbos({ url }).open()
    await first.create('r1', startOf('r1'))
    const epoch = await first.claim('r1')
    expect(await codeOf(other.claim('r1'))).toBe('run/busy')
    await first.release('r1', epoch)
    expect(await other.claim('r1')).toBe(2)
    await other.release('r1', 2)
    await first.claim('r1')
    await first[Symbol.asyncDispose]()
    expect(await other.claim('r1')).toBe(4)
  })

  it('writes an append whose answer was lost once, when the same is sent again', async () => {
    const url = await postgres.freshUrl()
    await using store = await dbos({ url }).open()
    await store.create('r1', startOf('r1'))
    const epoch = await store.claim('r1')
    const entries = [newEntry('step-start', '1', { step: 1 }), newEntry('log', undefined, { level: 'info', message: 'x' })]
    const first = await store.append('r1', entries, epoch)
    const again = await store.append('r1', entries, epoch)
    expect(again).toEqual(first)
    expect((await store.read('r1')).length).toBe(3)
  })

  it('gives the feed nothing that a transaction under way could still come before', async () => {
    const url = await postgres.freshUrl()
    await using store = await dbos({ url }).open()
    const { Client } = await import('pg')
    const slow = new Client({ connectionString: url })
    await slow.connect()
    await slow.query('begin')
    await slow.query(
      `select troupe.create_run('r1', null, '{start}', '{x}', '{run-start}', '{{}}'::text[], null, null, null, null, null)`.replace(
        `'{{}}'::text[]`,
        `array['{}']`,
      ),
    )
    await store.create('r2', startOf('r2'))
    const before = await store.feed(null, 10)
    expect(before.entries).toEqual([])
    await slow.query('commit')
    await slow.end()
    const after = await store.feed(before.cursor, 10)
    expect(after.entries.map(({ run }) => run)).toEqual(['r1', 'r2'])
  })
})

describe('the queue', () => {
  it('is served from the first worker to the last; a process is one worker', async () => {
    const url = await postgres.freshUrl()
    await using store = await dbos({ url }).open()
    expect(await store.queue.isServed()).toBe(false)
    const consumer = await store.queue.consume({ concurrency: 1, agents: ['a'] }, async () => ({ type: 'ended' }))
    await using other = await dbos({ url }).open()
    expect(await other.queue.isServed()).toBe(true)
    expect(await codeOf(other.queue.consume({ concurrency: 1, agents: ['a'] }, async () => ({ type: 'ended' })))).toBe('queue/taken')
    await consumer.drain()
    expect(await other.queue.isServed()).toBe(false)
  })

  it('lets a turn write only as long as DBOS says that it is this worker’s', async () => {
    const url = await postgres.freshUrl()
    await using store = await dbos({ url }).open()
    await store.queue.enqueue(startOf('r1', 'a'), { ...ITEM, run: 'r1' })
    const codes: string[] = []
    const written = Promise.withResolvers<void>()
    const consumer = await store.queue.consume({ concurrency: 1, agents: ['a'] }, async ({ run, ticket }) => {
      const epoch = await store.claim(run, { ticket })
      codes.push(await codeOf(store.append(run, [newEntry('step-start', '1', { step: 1 })], epoch).then(() => null)))
      // What a takeover does; DBOS's private table, which our fence reads: another version may have another.
      await sql(
        url,
        `update troupe_dbos.workflow_status set status = 'ENQUEUED', owner_xid = null where workflow_uuid like 'r1:%' and status = 'PENDING'`,
      )
      codes.push(await codeOf(store.append(run, [newEntry('step-start', '2', { step: 2 })], epoch)))
      codes.push(await codeOf(store.create('r1-1', startOf('r1-1', 'a', 'r1'), { under: { run, epoch } })))
      await sql(url, `update troupe_dbos.workflow_status set status = 'CANCELLED' where workflow_uuid like 'r1:%'`)
      written.resolve()
      return { type: 'stopped' }
    })
    await written.promise
    await consumer.drain()
    expect(codes).toEqual(['resolved with null', 'engine/lost-ownership', 'engine/lost-ownership'])
    expect((await store.read('r1')).map(({ key }) => key)).toEqual(['start', '1'])
  })
})
