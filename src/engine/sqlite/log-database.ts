import type { DatabaseSync } from 'node:sqlite'
import { TroupeError } from '../../errors/troupe-error.ts'
import { assertNever } from '../../util/assert-never.ts'
import { LOG_VERSION } from '../../client/entry.ts'
import { lineOf } from '../../util/run-id.ts'
import type { HeadFilter, Ownership } from '../engine.ts'
import { isLost } from '../queue-errors.ts'
import { endTopic } from '../queue.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { inTransaction } from './open-database.ts'
import { ProcessLocks } from './process-locks.ts'
import { QueueDatabase } from './queue-database.ts'
import type { Given, HeadRow, NewRow, Operations, Reply, Request, Row } from './operations.ts'
import { isDuplicate, storeFault } from './sqlite-fault.ts'
import { prepareStatements, type Statements } from './statements.ts'

/** The operations of the store on one open file. */
export class LogDatabase {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #statements: Statements
  readonly #locks: ProcessLocks
  readonly #queue: QueueDatabase
  readonly #ledger: LedgerDatabase
  /** Names this process, as an owner of runs. */
  readonly #owner = crypto.randomUUID().replaceAll('-', '')
  #isOwnerHeld = false

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
    this.#statements = prepareStatements(database)
    this.#locks = new ProcessLocks(path)
    this.#queue = new QueueDatabase(database, this.#locks, path)
    this.#ledger = new LedgerDatabase(database)
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
    this.#locks.freeAll()
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
        return this.#claim(request.ask)
      case 'release':
        this.#statements.release(request.ask.run, request.ask.epoch)
        return null
      case 'feed':
        return this.#statements.feed(request.ask.after, request.ask.limit)
      case 'enqueue':
        return this.#enqueue(request.ask)
      case 'queueLock':
        this.#queue.lock()
        return null
      case 'queueUnlock':
        this.#queue.unlock()
        return null
      case 'queueIsLocked':
        return this.#queue.isLocked()
      case 'queueChanged':
        return this.#queue.changed(request.ask.after)
      case 'queueTake':
        return this.#queue.take(request.ask.run)
      case 'queueSettle':
        return this.#queue.settle(request.ask.run, request.ask.to)
      case 'queueWake':
        return this.#queue.wake(request.ask.run)
      case 'queueGet':
        return this.#queue.get(request.ask.run)
      case 'queueDepth':
        return this.#queue.depth()
      case 'reserve':
        return this.#ledger.reserve(request.ask.holder, request.ask.scopes, request.ask.amount)
      case 'settle':
        this.#ledger.settle(request.ask.id, request.ask.used)
        return null
      case 'releaseHolds':
        this.#ledger.release(request.ask.holder)
        return null
      case 'spent':
        return this.#ledger.spent(request.ask.scope)
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

  #create({ run, rows, under }: Operations['create']['ask']): null {
    this.#checkOwner(under)
    if (this.#statements.last(run)) throw new TroupeError('engine/duplicate-key', `run ${run} exists already`)
    rows.forEach((row, index) => this.#insert(run, 1 + index, 0, row))
    return null
  }

  #enqueue({ start, item, admission }: Operations['enqueue']['ask']): null {
    this.#queue.admit(item, admission)
    return this.#create({ run: item.run, rows: [start], under: null })
  }

  #claim({ run, takeOver, under }: Operations['claim']['ask']): number {
    this.#checkOwner(under)
    this.#lastOf(run)
    const owner = this.#statements.owner(run)?.owner ?? null
    if (!takeOver && owner !== null && owner !== this.#owner && this.#locks.isHeld(owner)) {
      throw new TroupeError('run/busy', `run ${run} is being driven by another process: wait for its end, or stop that process first`)
    }
    this.#holdOwner()
    return this.#statements.claim(run, this.#owner)
  }

  /** Only a process that owns runs needs to be told alive; one that reads makes no files. */
  #holdOwner(): void {
    if (this.#isOwnerHeld) return
    this.#locks.sweep()
    this.#isOwnerHeld = this.#locks.hold(this.#owner)
  }

  #checkOwner(under: Ownership | null): void {
    if (!under) return
    const epoch = this.#statements.owner(under.run)?.epoch ?? null
    if (epoch !== under.epoch) throw isLost(under.run, under.epoch, epoch)
  }

  #append({ run, rows, epoch }: Operations['append']['ask']): number {
    const last = this.#lastOf(run)
    if (epoch !== null) this.#checkOwner({ run, epoch })
    if (last.type === 'run-end') throw new TroupeError('run/ended', `run ${run} has ended: nothing can be added to it`)
    rows.forEach((row, index) => this.#insert(run, last.seq + 1 + index, epoch ?? 0, row))
    for (const row of rows) this.#tellQueue(run, row, epoch)
    return last.seq + 1
  }

  /** What the queue has to know of a row, in the same transaction: see RunQueue. */
  #tellQueue(run: string, { type, at }: NewRow, epoch: number | null): void {
    if (epoch === null && (type === 'signal' || type === 'approval-given')) this.#queue.wakeLine(lineOf(run))
    if (type !== 'run-end' || !this.#queue.leave(run)) return
    const parent = lineOf(run)[1]
    const last = parent === undefined ? undefined : this.#statements.last(parent)
    if (parent === undefined || !last || last.type === 'run-end') return
    const body = JSON.stringify({ topic: endTopic(run), value: null })
    this.#insert(parent, last.seq + 1, 0, { key: null, at, type: 'signal', body, version: LOG_VERSION })
    this.#queue.wakeLine(lineOf(parent))
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
    this.#queue.drop(run)
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
  return !READS.has(name)
}

const READS: ReadonlySet<string> = new Set([
  'read',
  'readTree',
  'heads',
  'version',
  'feed',
  'queueGet',
  'queueDepth',
  'spent',
  'close',
] satisfies Request['name'][])
