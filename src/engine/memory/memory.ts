import { AsyncLocalStorage } from 'node:async_hooks'
import { isEntry, type Entry, type NewEntry } from '../../client/entry.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { noQueue } from '../no-queue.ts'
import { isInTree, rootOf } from '../../util/run-id.ts'
import { bodyText } from '../body-text.ts'
import { isOfSession, type EffectScope, type EngineAdapter, type HeadFilter, type LogStore, type RunHead } from '../engine.ts'

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
  /** The runs of each tree, by the id of its root. */
  readonly #trees = new Map<string, Set<string>>()
  #count = 0

  readonly queue = noQueue().queue
  readonly ledger = noQueue().ledger

  release(): Promise<void> {
    return Promise.resolve()
  }

  feed(): Promise<{ cursor: string | null; entries: readonly Entry[] }> {
    return Promise.resolve({ cursor: null, entries: [] })
  }

  async create(run: string, start: NewEntry<'run-start'>): Promise<Entry> {
    if (this.#logs.has(run)) throw new TroupeError('engine/duplicate-key', `run ${run} exists already`)
    const log: Log = { epoch: 0, entries: [], keys: new Set() }
    this.#logs.set(run, log)
    const tree = this.#trees.get(rootOf(run)) ?? new Set()
    this.#trees.set(rootOf(run), tree.add(run))
    return this.#write(run, log, start, bodyText(run, start), 0)
  }

  async claim(run: string): Promise<number> {
    return ++this.#logOf(run).epoch
  }

  async append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]> {
    const log = this.#logOf(run)
    if (epoch !== null && epoch !== log.epoch) {
      throw new TroupeError('engine/lost-ownership', `run ${run} was taken over: epoch ${epoch} is stale, ${log.epoch} owns it`)
    }
    if (log.entries.at(-1)?.head.type === 'run-end') throw new TroupeError('run/ended', `run ${run} has ended: nothing can be added to it`)
    const keys = new Set<string>()
    for (const entry of entries) {
      if (entry.key === undefined) continue
      const name = nameOf(entry)
      if (log.keys.has(name) || keys.has(name))
        throw new TroupeError('engine/duplicate-key', `run ${run} has '${name}' already`, { details: { key: entry.key } })
      keys.add(name)
    }
    const bodies = entries.map((entry) => bodyText(run, entry))
    return entries.map((entry, index) => this.#write(run, log, entry, bodies[index] ?? '', epoch ?? 0))
  }

  async read(run: string, after: number = 0): Promise<readonly Entry[]> {
    return this.#logs.get(run)?.entries.slice(after).map(entryOf) ?? []
  }

  async readTree(root: string): Promise<readonly Entry[]> {
    const entries = this.#runsBelow(root).flatMap((run) => this.#logs.get(run)?.entries ?? [])
    return entries.sort((a, b) => a.ordinal - b.ordinal).map(entryOf)
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
    const tree = this.#trees.get(rootOf(run))
    for (const below of this.#runsBelow(run)) {
      this.#logs.delete(below)
      tree?.delete(below)
    }
    if (tree?.size === 0) this.#trees.delete(rootOf(run))
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #runsBelow(run: string): string[] {
    return [...(this.#trees.get(rootOf(run)) ?? [])].filter((known) => isInTree(known, run))
  }

  #logOf(run: string): Log {
    const log = this.#logs.get(run)
    if (!log) throw new TroupeError('run/not-found', `no run ${run} in this store`)
    return log
  }

  #write(run: string, log: Log, entry: NewEntry, text: string, epoch: number): Entry {
    const written: Entry = { run, seq: log.entries.length + 1, epoch, ...entry }
    const { body: _, ...head } = written
    log.entries.push({ head, body: text, ordinal: ++this.#count })
    if (entry.key !== undefined) log.keys.add(nameOf(entry))
    return written
  }
}

function entryOf({ head, body }: Stored): Entry {
  return { ...head, body: JSON.parse(body) as Entry['body'] }
}

function nameOf(entry: NewEntry): string {
  return `${entry.type} ${entry.key}`
}
