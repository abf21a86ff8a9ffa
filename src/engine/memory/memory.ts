import { AsyncLocalStorage } from 'node:async_hooks'
import { isEntry, type Entry, type NewEntry } from '../../client/entry.ts'
import { stepsOf } from '../../client/fold.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { isInTree, rootOf } from '../../util/run-id.ts'
import type { EffectScope, EngineAdapter, HeadFilter, LogStore, RunHead } from '../engine.ts'

interface Log {
  epoch: number
  readonly entries: Entry[]
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
  readonly #logs = new Map<string, Log>()
  /** The runs of each tree, by the id of its root. */
  readonly #trees = new Map<string, Set<string>>()
  /** When an entry was written, as a number: what orders the entries of a tree. */
  readonly #written = new WeakMap<Entry, number>()
  #count = 0

  async create(run: string, start: NewEntry<'run-start'>): Promise<Entry> {
    if (this.#logs.has(run)) throw new TroupeError('engine/duplicate-key', `run ${run} exists already`)
    const log: Log = { epoch: 0, entries: [], keys: new Set() }
    this.#logs.set(run, log)
    const tree = this.#trees.get(rootOf(run)) ?? new Set()
    this.#trees.set(rootOf(run), tree.add(run))
    return this.#write(run, log, start, 0)
  }

  async claim(run: string): Promise<number> {
    return ++this.#logOf(run).epoch
  }

  async append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]> {
    const log = this.#logOf(run)
    if (epoch !== null && epoch !== log.epoch) {
      throw new TroupeError('engine/lost-ownership', `run ${run} was taken over: epoch ${epoch} is stale, ${log.epoch} owns it`)
    }
    if (log.entries.at(-1)?.type === 'run-end') throw new TroupeError('run/ended', `run ${run} has ended: nothing can be added to it`)
    for (const entry of entries) {
      if (entry.key !== undefined && log.keys.has(nameOf(entry))) {
        throw new TroupeError('engine/duplicate-key', `run ${run} has '${nameOf(entry)}' already`, { details: { key: entry.key } })
      }
    }
    return entries.map((entry) => this.#write(run, log, entry, epoch ?? 0))
  }

  async read(run: string, after: number = 0): Promise<readonly Entry[]> {
    return this.#logs.get(run)?.entries.slice(after) ?? []
  }

  async readTree(root: string): Promise<readonly Entry[]> {
    const entries = this.#runsBelow(root).flatMap((run) => this.#logs.get(run)?.entries ?? [])
    return entries.sort((a, b) => (this.#written.get(a) ?? 0) - (this.#written.get(b) ?? 0))
  }

  async heads(filter: HeadFilter = {}): Promise<readonly RunHead[]> {
    const heads = [...this.#logs].flatMap(([run, { entries }]): RunHead[] => {
      const [start, last] = [entries[0], entries.at(-1)]
      if (!start || !last || !isEntry(start, 'run-start')) return []
      if (filter.rootsOnly && start.body.parentRunId !== undefined) return []
      return [{ run, start, last, steps: stepsOf(entries) }]
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

  #write(run: string, log: Log, entry: NewEntry, epoch: number): Entry {
    const written: Entry = { run, seq: log.entries.length + 1, epoch, ...entry }
    log.entries.push(written)
    if (entry.key !== undefined) log.keys.add(nameOf(entry))
    this.#written.set(written, ++this.#count)
    return written
  }
}

function nameOf(entry: NewEntry): string {
  return `${entry.type} ${entry.key}`
}
