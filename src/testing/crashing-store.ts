import type { Entry, NewEntry } from '../client/entry.ts'
import type { EngineAdapter, LogStore } from '../engine/engine.ts'
import { noQueue } from '../engine/no-queue.ts'
import { dropped } from '../util/never.ts'
import { isInTree } from '../util/run-id.ts'

/**
 * An engine whose process dies right after its n-th append: that append is in the store, its promise and everything
 * after it never settle. What runs on goes on as the in-flight work of a killed process would, unheard.
 */
export class CrashingEngine implements EngineAdapter {
  readonly name: string
  readonly effects: EngineAdapter['effects']
  readonly crashed: Promise<void>
  readonly #inner: EngineAdapter
  readonly #crashAfter: number
  readonly #crash: () => void
  #appends = 0
  #store: LogStore | undefined

  constructor(inner: EngineAdapter, crashAfter: number) {
    this.#inner = inner
    this.#crashAfter = crashAfter
    this.name = inner.name
    this.effects = inner.effects
    const { promise, resolve } = Promise.withResolvers<void>()
    this.crashed = promise
    this.#crash = resolve
  }

  /** Appends so far, the creation of a log counted as one. */
  get appends(): number {
    return this.#appends
  }

  /** Closes what the dead process had open, as its end would. */
  async bury(): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]()
  }

  async open(): Promise<LogStore> {
    const store = await this.#inner.open()
    this.#store = store
    const isDead = (): boolean => this.#appends >= this.#crashAfter
    const alive = <T>(work: () => Promise<T>): Promise<T> => (isDead() ? dropped() : work())
    const written = async <T>(work: () => Promise<T>): Promise<T> => {
      const result = await work()
      if (isDead()) return dropped()
      this.#appends++
      if (!isDead()) return result
      this.#crash()
      return dropped()
    }
    return {
      shared: store.shared,
      ...(store.snapshots && { snapshots: store.snapshots }),
      version: () => alive(() => store.version()),
      create: (run, start, options) => alive(() => written(() => store.create(run, start, options))),
      append: (run, entries, epoch) => alive(() => written(() => store.append(run, entries, epoch))),
      claim: (run, options) => alive(() => store.claim(run, options)),
      release: (run, epoch) => (isDead() ? Promise.resolve() : store.release(run, epoch)),
      read: (run, after) => alive(() => store.read(run, after)),
      readTree: (root) => alive(() => store.readTree(root)),
      heads: (filter) => alive(() => store.heads(filter)),
      feed: (after, limit) => alive(() => store.feed(after, limit)),
      drop: (run) => alive(() => store.drop(run)),
      queue: {
        isEmbedded: store.queue.isEmbedded,
        enqueue: (start, item, admission) => alive(() => written(() => store.queue.enqueue(start, item, admission))),
        consume: (options, perform) => alive(() => store.queue.consume(options, perform)),
        wake: (run) => alive(() => store.queue.wake(run)),
        get: (run) => alive(() => store.queue.get(run)),
        depth: () => alive(() => store.queue.depth()),
        isServed: () => alive(() => store.queue.isServed()),
      },
      ledger: {
        reserve: (holder, scopes, amount) => alive(() => store.ledger.reserve(holder, scopes, amount)),
        settle: (id, used) => alive(() => store.ledger.settle(id, used)),
        release: (holder) => (isDead() ? Promise.resolve() : store.ledger.release(holder)),
        spent: (scope) => alive(() => store.ledger.spent(scope)),
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }
  }
}

/** A finished log to be replayed alone: it can be read, and the first attempt to write tells what and goes no further. */
export class ReplayEngine implements EngineAdapter {
  readonly name = 'replay'
  readonly effects: EngineAdapter['effects']
  readonly wrote: Promise<readonly NewEntry[]>
  readonly #entries: readonly Entry[]
  readonly #tell: (entries: readonly NewEntry[]) => void

  constructor(effects: EngineAdapter['effects'], entries: readonly Entry[]) {
    this.effects = effects
    this.#entries = entries
    const { promise, resolve } = Promise.withResolvers<readonly NewEntry[]>()
    this.wrote = promise
    this.#tell = resolve
  }

  async open(): Promise<LogStore> {
    const write = <T>(entries: readonly NewEntry[]): Promise<T> => {
      this.#tell(entries)
      return dropped()
    }
    return {
      shared: false,
      version: () => Promise.resolve(0),
      create: (_run, start) => write([start]),
      append: (_run, entries) => write(entries),
      claim: () => Promise.resolve(1),
      release: () => Promise.resolve(),
      read: (run, after = 0) => Promise.resolve(this.#entries.filter((entry) => entry.run === run && entry.seq > after)),
      readTree: (root) => Promise.resolve(this.#entries.filter((entry) => isInTree(entry.run, root))),
      heads: () => Promise.resolve([]),
      feed: () => Promise.resolve({ cursor: null, entries: [] }),
      ...noQueue(),
      drop: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
}
