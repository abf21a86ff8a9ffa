import type { DatabaseSync } from 'node:sqlite'
import { TroupeError } from '../../errors/troupe-error.ts'
import { assertNever } from '../../util/assert-never.ts'
import type { HeadFilter } from '../engine.ts'
import { inTransaction } from './open-database.ts'
import type { Given, HeadRow, NewRow, Operations, Reply, Request, Row } from './operations.ts'
import { isDuplicate, storeFault } from './sqlite-fault.ts'
import { prepareStatements, type Statements } from './statements.ts'

/** The operations of the store on one open file. */
export class LogDatabase {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #statements: Statements

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
    this.#statements = prepareStatements(database)
  }

  /**
   * Performs the requests in order, all their writes in one transaction that is committed when this returns. A request
   * that is refused changes nothing and leaves the others alone; when the commit fails, all have failed.
   */
  perform(requests: readonly Request[]): readonly Reply[] {
    try {
      if (!requests.some(writes)) return requests.map((request) => this.#reply(request))
      return inTransaction(this.#database, () => requests.map((request) => this.#reply(request)))
    } catch (error) {
      const failed = storeFault(error, this.#path).toJSON()
      return requests.map(({ id }) => ({ id, ok: false, error: failed }))
    }
  }

  close(): void {
    if (!this.#database.isOpen) return
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)')
    } finally {
      this.#database.close()
    }
  }

  #reply(request: Request): Reply {
    const inSavepoint = writes(request)
    if (inSavepoint) this.#database.exec('savepoint request')
    try {
      const give = this.#give(request)
      if (inSavepoint) this.#database.exec('release request')
      return { id: request.id, ok: true, give }
    } catch (error) {
      if (inSavepoint) {
        // A full disk or a failing one undoes the whole transaction: then no request of it has happened.
        if (!this.#database.isTransaction) throw error
        this.#database.exec('rollback to request; release request')
      }
      return { id: request.id, ok: false, error: storeFault(error, this.#path).toJSON() }
    }
  }

  #give(request: Request): Given {
    switch (request.name) {
      case 'create':
        return this.#create(request.ask)
      case 'claim':
        return this.#claim(request.ask.run)
      case 'append':
        return this.#append(request.ask)
      case 'read':
        return this.#statements.read(request.ask.run, request.ask.after)
      case 'readTree':
        return this.#statements.readTree(request.ask.root)
      case 'heads':
        return this.#heads(request.ask)
      case 'drop':
        return this.#drop(request.ask.run)
      case 'version':
        return this.#statements.version()
      case 'close':
        return null
      default:
        return assertNever(request)
    }
  }

  #create({ run, start }: Operations['create']['ask']): null {
    if (this.#statements.last(run)) throw new TroupeError('engine/duplicate-key', `run ${run} exists already`)
    this.#insert(run, 1, 0, start)
    return null
  }

  #claim(run: string): number {
    this.#lastOf(run)
    return this.#statements.claim(run)
  }

  #append({ run, rows, epoch }: Operations['append']['ask']): number {
    const last = this.#lastOf(run)
    const owner = epoch === null ? null : this.#statements.epoch(run)
    if (epoch !== owner) {
      throw new TroupeError('engine/lost-ownership', `run ${run} was taken over: epoch ${epoch} is stale, ${owner} owns it`)
    }
    if (last.type === 'run-end') throw new TroupeError('run/ended', `run ${run} has ended: nothing can be added to it`)
    rows.forEach((row, index) => this.#insert(run, last.seq + 1 + index, epoch ?? 0, row))
    return last.seq + 1
  }

  #heads({ limit, rootsOnly, session }: HeadFilter): readonly HeadRow[] {
    const starts = session
      ? this.#statements.startsOfSession(session, limit ?? -1)
      : this.#statements.starts(rootsOnly ?? false, limit ?? -1)
    return starts.flatMap((start): HeadRow[] => {
      const last = this.#statements.lastRow(start.run)
      return last ? [{ start, last, steps: this.#statements.steps(start.run) }] : []
    })
  }

  #drop(run: string): null {
    this.#statements.drop(run)
    return null
  }

  #lastOf(run: string): Pick<Row, 'seq' | 'type'> {
    const last = this.#statements.last(run)
    if (!last) throw new TroupeError('run/not-found', `no run ${run} in this store`)
    return last
  }

  #insert(run: string, seq: number, epoch: number, row: NewRow): void {
    try {
      this.#statements.insert({ run, seq, epoch, ...row })
    } catch (error) {
      if (!isDuplicate(error)) throw error
      throw new TroupeError('engine/duplicate-key', `run ${run} has '${row.type} ${row.key}' already`, { details: { key: row.key } })
    }
  }
}

function writes({ name }: Request): boolean {
  return name === 'create' || name === 'claim' || name === 'append' || name === 'drop'
}
