import { setTimeout as pause } from 'node:timers/promises'
import { Pool, type PoolClient, type QueryResultRow } from 'pg'
import { TroupeError } from '../../errors/troupe-error.ts'
import { APPLICATION_VERSION, functionsSql } from './functions.ts'
import type { Schemas } from './names.ts'
import { isConnection, isRolledBack, openFault, storeFault } from './pg-fault.ts'
import { FORMAT, tablesSql } from './tables.ts'

export interface DatabaseOptions {
  readonly url: string
  readonly schemas: Schemas
  /** Connections at most, besides those of DBOS and the two that are kept. */
  readonly poolSize: number
}

/** For DBOS, which would write to the console. */
export const SILENT: Readonly<Record<'info' | 'debug' | 'warn' | 'error', () => void>> = {
  info: ignore,
  debug: ignore,
  warn: ignore,
  error: ignore,
}

/** How long a new connection may take. */
export const CONNECT_TIMEOUT_MS = 10_000
const MIGRATION_LOOK_MS = 50
const ROLLED_BACK_ATTEMPTS = 5
const ROLLED_BACK_PAUSE_MS = 10

/** The store's connections. Every fault comes out as a `TroupeError` that names the server, never the password. */
export class Database implements AsyncDisposable {
  readonly schemas: Schemas
  readonly url: string
  /** As people may read it. */
  readonly place: string
  readonly #pool: Pool
  readonly #underWay = new Set<Promise<unknown>>()
  #isClosed = false

  private constructor({ url, schemas, poolSize }: DatabaseOptions) {
    this.schemas = schemas
    this.url = url
    this.place = placeOf(url)
    this.#pool = openPool(url, poolSize)
  }

  /** Connects, and makes the tables where they are not. Throws `config/invalid`, `engine/store-failed`. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const database = new Database(options)
    try {
      await database.#migrate()
      return database
    } catch (error) {
      await database[Symbol.asyncDispose]()
      throw openFault(error, database.place)
    }
  }

  async query<Row extends QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.#attempt(() => this.#pool.query<Row>({ text: sql, values: [...values] }))).rows
  }

  /** One transaction; what `work` throws undoes it. It runs again where the server rolled it back for the sake of another. */
  async transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#attempt(async () => {
      const client = await this.#pool.connect()
      let isBroken = false
      try {
        await client.query('begin')
        const result = await work(client)
        await client.query('commit')
        return result
      } catch (error) {
        isBroken = isConnection(error)
        if (!isBroken) await client.query('rollback').catch(ignore)
        throw error
      } finally {
        client.release(isBroken)
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // A pool that ends lets those who still wait for a connection wait for good.
    await Promise.allSettled(this.#underWay)
    await this.#pool.end()
  }

  #attempt<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tryWork(work)
    this.#underWay.add(done)
    const forget = (): boolean => this.#underWay.delete(done)
    done.then(forget, forget)
    return done
  }

  async #tryWork<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.#isClosed) throw new TroupeError('engine/closed', `store ${this.place} was closed`)
      try {
        return await work()
      } catch (error) {
        if (!isRolledBack(error) || attempt === ROLLED_BACK_ATTEMPTS) throw storeFault(error, this.place)
        await pause(ROLLED_BACK_PAUSE_MS * attempt * (1 + Math.random()))
      }
    }
  }

  async #migrate(): Promise<void> {
    const { own: s, ownName, dbosName } = this.schemas
    const functions = functionsSql(this.schemas)
    const digest = await digestOf(functions)
    if ((await this.#found()) === digest) return
    const client = await this.#pool.connect()
    try {
      await lockMigrations(client, ownName)
      if ((await this.#found()) === digest) return
      const { migrateSystemDatabase } = await import('@dbos-inc/dbos-sdk/internal/system_database')
      const { GlobalLogger } = await import('@dbos-inc/dbos-sdk/internal/telemetry/logs')
      await migrateSystemDatabase(this.url, new GlobalLogger(undefined, { logger: SILENT }), dbosName)
      await client.query('begin')
      await client.query(`create schema if not exists ${s}`)
      await client.query(`create table if not exists ${s}.meta (name text primary key, value text not null)`)
      const [tables] = (await client.query<{ has: boolean }>('select to_regclass($1) is not null as has', [`${s}.runs`])).rows
      if (!tables?.has) {
        await client.query(tablesSql(this.schemas))
        await client.query(`insert into ${s}.meta values ('format', $1), ('version', $2)`, [String(FORMAT), APPLICATION_VERSION])
      }
      await client.query(functions)
      await client.query(`insert into ${s}.meta values ('functions', $1) on conflict (name) do update set value = excluded.value`, [digest])
      await client.query('commit')
    } finally {
      client.release(true) // With the lock that it holds.
    }
  }

  /** What `#format` gives, where all tables are there. */
  async #found(): Promise<string | null> {
    const { own: s, dbos: d } = this.schemas
    const { rows } = await this.#pool.query<{ all: boolean }>('select to_regclass($1) is not null and to_regclass($2) is not null as all', [
      `${s}.meta`,
      `${d}.workflow_input`,
    ])
    return rows[0]?.all ? this.#format() : null
  }

  /** The digest of the functions that are there; null without tables. Throws when the tables are of a newer format. */
  async #format(client: Pool | PoolClient = this.#pool): Promise<string | null> {
    const rows = (await client.query<{ name: string; value: string }>(`select name, value from ${this.schemas.own}.meta`)).rows
    const meta = new Map(rows.map(({ name, value }) => [name, value]))
    const format = meta.get('format')
    if (format === undefined) return null
    if (Number(format) > FORMAT)
      throw new TroupeError(
        'engine/store-failed',
        `store ${this.place} has format ${format}, this version reads up to ${FORMAT}: update troupe`,
        {
          retryable: false,
        },
      )
    return meta.get('functions') ?? ''
  }
}

/** Connections of which a broken one is told by the query under way, or by the next; never by an event that ends the process. */
export function openPool(url: string, max: number): Pool {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'troupe',
    allowExitOnIdle: true,
  })
  pool.on('error', ignore)
  pool.on('connect', (client) => client.on('error', ignore))
  return pool
}

/**
 * Two processes that open an empty database at once would both make the tables, ours and those of DBOS. Asked for again
 * and again: whoever waited inside a statement would keep DBOS from making its indexes, which waits for all statements.
 */
async function lockMigrations(client: PoolClient, name: string): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock(hashtext($1)) as locked', [
      `troupe migrations ${name}`,
    ])
    if (rows[0]?.locked) return
    await pause(MIGRATION_LOOK_MS)
  }
}

function ignore(): void {}

/** Throws `config/invalid` without repeating what may hold a password. */
function placeOf(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    if (/^postgres(ql)?:$/.test(protocol)) return `postgres://${host}${pathname}`
  } catch {
    // Said below.
  }
  throw new TroupeError('config/invalid', 'the store is no postgres:// URL: write postgres://USER:PASSWORD@HOST:PORT/DATABASE')
}

async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Buffer.from(hash).toString('hex')
}
