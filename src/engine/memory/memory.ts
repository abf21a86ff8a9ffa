import { AsyncLocalStorage } from 'node:async_hooks'
import { isEntry, type Entry, type NewEntry } from '../../client/entry.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { systemClock } from '../../util/clock.ts'
import { lineOf } from '../../util/run-id.ts'
import { bodyText } from '../body-text.ts'
import { EmbeddedQueue } from '../embedded-queue.ts'
import { endTree } from '../end-tree.ts'
import {
  isOfSession,
  type ClaimOptions,
  type CreateOptions,
  type EffectScope,
  type EngineAdapter,
  type HeadFilter,
  type LogStore,
  type Ownership,
  type RunHead,
} from '../engine.ts'
import type { Ledger } from '../ledger.ts'
import type { RunQueue } from '../queue.ts'
import { isLost } from '../queue-errors.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { MemoryQueueRows } from './memory-queue.ts'

/** An entry as it would lie on a disk: nobody holds its body, so nobody can change it. */
interface Stored {
  readonly head: Omit<Entry, 'body'>
  /** JSON text. */
  readonly body: string
  /** The place among all entries of the store. */
  readonly ordinal: number
}

interface Log {
  epoch: number
  readonly parent: string | undefined
  readonly entries: Stored[]
  readonly keys: Set<string>
}

/** An engine whose store is open from the start. */
export interface MemoryEngine extends EngineAdapter {
  readonly store: LogStore
}

/** Keeps logs in this process's memory: nothing survives it. What `agent.run()` uses without a runtime. */
export function memory(): MemoryEngine {
  const store = new MemoryStore()
  return { name: 'memory', effects: effectScope(), store, open: () => Promise.resolve(store) }
}

function effectScope(): EffectScope {
  const scope = new AsyncLocalStorage<string>()
  return { run: (root, effect) => scope.run(root, effect), active: () => scope.getStore() }
}

class MemoryStore implements LogStore {
  readonly shared = false

  version(): Promise<number> {
    return Promise.resolve(0)
  }
  readonly #logs = new Map<string, Log>()
  /** The runs below each run that has any. */
  readonly #below = new Map<string, Set<string>>()
  #count = 0

  readonly queue: RunQueue
  readonly ledger: Ledger = new MemoryLedger()
  readonly #items: MemoryQueueRows

  constructor() {
    this.#items = new MemoryQueueRows({
      create: (run, start) => this.#begin(run, start),
      tell: (run, entry) => this.#tell(run, entry),
    })
    const endFailed = (run: string, reason: TroupeError): Promise<readonly Entry[]> =>
      endTree(this, run, { status: 'failed', reason, clock: systemClock })
    this.queue = new EmbeddedQueue(this.#items, endFailed)
  }

  async create(run: string, start: NewEntry<'run-start'>, { rest = [], under }: CreateOptions = {}): Promise<Entry> {
    this.#checkOwner(under)
    const entry = this.#begin(run, start)
    if (rest.length > 0) await this.append(run, rest, null)
    return entry
  }

  #begin(run: string, start: NewEntry<'run-start'>): Entry {
    if (this.#logs.has(run)) throw new TroupeError('engine/duplicate-key', `run ${run} exists already`)
    const log: Log = { epoch: 0, parent: start.body.parentRunId, entries: [], keys: new Set() }
    const text = bodyText(run, start)
    this.#logs.set(run, log)
    for (const above of lineOf(run).slice(1)) {
      const below = this.#below.get(above)
      if (below) below.add(run)
      else this.#below.set(above, new Set([run]))
    }
    return this.#write(run, log, start, text, 0)
  }

  async claim(run: string, { under }: ClaimOptions = {}): Promise<number> {
    this.#checkOwner(under)
    return ++this.#logOf(run).epoch
  }

  /** All owners are in this process: nobody has to let go. */
  async release(): Promise<void> {}

  async append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]> {
    const log = this.#logOf(run)
    if (epoch !== null && epoch !== log.epoch) {
      throw isLost(run, epoch, log.epoch)
    }
    if (log.entries.at(-1)?.head.type === 'run-end') throw new TroupeError('run/ended', `run ${run} has ended: nothing can be added to it`)
    const keys = entries.length > 1 ? new Set<string>() : undefined
    for (const entry of entries) {
      if (entry.key === undefined) continue
      const name = nameOf(entry)
      if (log.keys.has(name) || keys?.has(name))
        throw new TroupeError('engine/duplicate-key', `run ${run} has '${name}' already`, { details: { key: entry.key } })
      keys?.add(name)
    }
    const bodies = entries.map((entry) => bodyText(run, entry))
    const written = entries.map((entry, index) => this.#write(run, log, entry, bodies[index] ?? '', epoch ?? 0))
    this.#tellQueue(run, log, written)
    return written
  }

  async feed(after: string | null, limit: number): Promise<{ cursor: string | null; entries: readonly Entry[] }> {
    const from = Number(after ?? 0)
    const all = [...this.#logs.values()].flatMap(({ entries }) => entries.filter(({ ordinal }) => ordinal > from))
    const next = all.toSorted((a, b) => a.ordinal - b.ordinal).slice(0, limit)
    return { cursor: next.length === 0 ? after : String(next.at(-1)?.ordinal), entries: next.map(entryOf) }
  }

  async read(run: string, after: number = 0): Promise<readonly Entry[]> {
    return this.#logs.get(run)?.entries.slice(after).map(entryOf) ?? []
  }

  async readTree(root: string): Promise<readonly Entry[]> {
    return this.#storedIn(root).map(entryOf)
  }

  async heads(filter: HeadFilter = {}): Promise<readonly RunHead[]> {
    const heads = [...this.#logs].flatMap(([run, log]): RunHead[] => {
      const [start, last] = [log.entries[0], log.entries.at(-1)].map((stored) => stored && entryOf(stored))
      if (!start || !last || !isEntry(start, 'run-start')) return []
      if (filter.rootsOnly && start.body.parentRunId !== undefined) return []
      if (filter.session && !isOfSession(start.body, filter.session)) return []
      return [{ run, start, last, steps: log.entries.filter(({ head }) => head.type === 'step-start').length }]
    })
    return heads.toReversed().slice(0, filter.limit)
  }

  async drop(run: string): Promise<void> {
    this.take(run)
  }

  take(root: string): () => readonly Entry[] {
    const stored = this.#storedIn(root)
    for (const run of this.#runsIn(root)) {
      this.#logs.delete(run)
      this.#items.forget(run)
      this.#below.delete(run)
      for (const above of lineOf(run).slice(1)) {
        const below = this.#below.get(above)
        below?.delete(run)
        if (below?.size === 0) this.#below.delete(above)
      }
    }
    return () => stored.map(entryOf)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #tellQueue(run: string, log: Log, written: readonly Entry[]): void {
    for (const entry of written) {
      if (entry.epoch === 0 && (entry.type === 'signal' || entry.type === 'approval-given')) this.#items.wakeLine(lineOf(run))
      if (entry.type !== 'run-end') continue
      this.#items.leave(run, log.parent, entry.at)
    }
  }

  #tell(run: string, entry: NewEntry): void {
    const log = this.#logs.get(run)
    if (!log || log.entries.at(-1)?.head.type === 'run-end') return
    this.#tellQueue(run, log, [this.#write(run, log, entry, bodyText(run, entry), 0)])
  }

  #checkOwner(under: Ownership | null | undefined): void {
    if (under && this.#logOf(under.run).epoch !== under.epoch) throw isLost(under.run, under.epoch, this.#logOf(under.run).epoch)
  }

  /** A run and the runs below it. */
  #runsIn(root: string): readonly string[] {
    return [root, ...(this.#below.get(root) ?? [])]
  }

  /** What is stored of a run and the runs below it, in the order in which it was written. */
  #storedIn(root: string): readonly Stored[] {
    const below = this.#below.get(root)
    if (!below) return this.#logs.get(root)?.entries ?? []
    return this.#runsIn(root)
      .flatMap((run) => this.#logs.get(run)?.entries ?? [])
      .sort((a, b) => a.ordinal - b.ordinal)
  }

  #logOf(run: string): Log {
    const log = this.#logs.get(run)
    if (!log) throw new TroupeError('run/not-found', `no run ${run} in this store`)
    return log
  }

  #write(run: string, log: Log, entry: NewEntry, text: string, epoch: number): Entry {
    const { key, at, type } = entry
    const seq = log.entries.length + 1
    const head = key === undefined ? { run, seq, epoch, at, type } : { run, seq, epoch, key, at, type }
    log.entries.push({ head, body: text, ordinal: ++this.#count })
    if (key !== undefined) log.keys.add(nameOf(entry))
    return withBody(head, entry.body)
  }
}

function entryOf({ head, body }: Stored): Entry {
  return withBody(head, JSON.parse(body) as Entry['body'])
}

/** Each property by its name: it is made for every entry that is read, and a spread costs more than the rest. */
function withBody({ run, seq, epoch, key, at, type }: Stored['head'], body: Entry['body']): Entry {
  return key === undefined ? { run, seq, epoch, at, type, body } : { run, seq, epoch, key, at, type, body }
}

function nameOf(entry: NewEntry): string {
  return `${entry.type} ${entry.key}`
}
