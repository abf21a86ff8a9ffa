import { Client } from 'pg'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { CONNECT_TIMEOUT_MS, type Database } from './database.ts'
import { openFault } from './pg-fault.ts'

/**
 * What tells others that this process lives: a lock of the session of one connection of its own, taken under the name
 * of the process. It is free at the moment the process is gone, or the connection is. Takes a direct connection: one
 * through a pooler of transactions keeps no locks.
 */
export class ProcessLock implements AsyncDisposable {
  /** Names this process as an owner of runs and as a worker; new in each process. */
  readonly id: string = crypto.randomUUID().replaceAll('-', '')
  readonly #database: Database
  #client: Promise<Client> | null = null
  #lost = Promise.withResolvers<TroupeError>()
  #isClosed = false
  #isForGood = false

  constructor(database: Database) {
    this.#database = database
  }

  /** Resolves when the lock that was held is not held any more, though nobody let go of it. */
  get lost(): Promise<TroupeError> {
    return this.#lost.promise
  }

  /** Holds the lock from here on. After it was lost, holding it again is allowed: whoever was fenced off meanwhile stays so. */
  async hold(): Promise<Client> {
    if (this.#isClosed) throw new TroupeError('engine/lost-ownership', 'this process has lost its place among the workers')
    this.#client ??= this.#connect()
    try {
      return await this.#client
    } catch (error) {
      this.#client = null
      throw error
    }
  }

  /** The same for a worker, whose runs are taken over at the moment it is lost: it never gets it back. */
  async holdForGood(): Promise<void> {
    await this.hold()
    this.#isForGood = true
  }

  /** A worker that has left its place is any process again. */
  noLongerForGood(): void {
    this.#isForGood = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const client = await this.#client?.catch(() => null)
    this.#client = null
    await client?.end().catch(() => {})
  }

  async #connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.#database.url,
      keepAlive: true,
      keepAliveInitialDelayMillis: 1_000,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: `troupe lock ${this.id}`.slice(0, 63),
    })
    let why = 'the server closed it'
    client.on('error', (error) => (why = messageOf(error)))
    try {
      await client.connect()
      const sql = `select pg_try_advisory_lock(${this.#database.schemas.own}.lock_key($1)) as held`
      const { rows } = await client.query<{ held: boolean }>(sql, [this.id])
      if (!rows[0]?.held) throw new TroupeError('engine/store-failed', `process ${this.id} is locked already`)
    } catch (error) {
      await client.end().catch(() => {})
      throw openFault(error, this.#database.place)
    }
    client.on('end', () => {
      this.#client = null
      if (this.#isClosed) return
      this.#isClosed = this.#isForGood
      const { resolve } = this.#lost
      this.#lost = Promise.withResolvers()
      resolve(
        new TroupeError(
          'engine/lost-ownership',
          `this process lost the connection that tells others that it lives (${why}): its runs are taken over`,
        ),
      )
    })
    return client
  }
}
