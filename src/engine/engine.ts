import type { Entry, EntryBodies, NewEntry } from '../client/entry.ts'
import type { Ledger } from './ledger.ts'
import type { RunQueue } from './queue.ts'
import type { SnapshotStore } from './snapshots.ts'

/**
 * The port: a place to keep the logs of runs, and who may write to each. An adapter stores; it decides nothing.
 * Implemented in `memory/` and `sqlite/`; one conformance suite in `troupe/testing` holds for all.
 */
export interface EngineAdapter {
  /** `memory`, `sqlite`. */
  readonly name: string
  /** Opens the store; throws `config/missing-file` or `engine/store-failed` when it cannot be had. */
  open(): Promise<LogStore>
  /** Where effects run (in Node: AsyncLocalStorage). */
  readonly effects: EffectScope
}

/** Tells which run tree's effect started the code that runs now, so that nested use of a context can be refused. */
export interface EffectScope {
  run<T>(rootRunId: string, effect: () => T): T
  /** The root of the innermost effect around the caller, across its awaits too. */
  active(): string | undefined
}

/** The logs of all runs of one store. Every write is atomic and durable when its promise resolves. */
export interface LogStore extends AsyncDisposable {
  /** Whether other processes may write to the same store, so that waiting runs have to look for what came in. */
  readonly shared: boolean
  /** A number that changes whenever another process has written; always the same where the store is not shared. */
  version(): Promise<number>
  /** Whose turn it is. */
  readonly queue: RunQueue
  /** What several processes spend of one budget. */
  readonly ledger: Ledger
  /** Where snapshots of waiting runs are kept, if they are. The store deletes them at the end of their run. */
  readonly snapshots?: SnapshotStore
  /** Begins a log with its `run-start`. Throws `engine/duplicate-key` when the run exists, `engine/lost-ownership` by `under`. */
  create(run: string, start: NewEntry<'run-start'>, options?: CreateOptions): Promise<Entry>
  /**
   * Makes the caller the owner of the run: the epoch before is stale from now on. Throws `run/not-found`, `run/busy` while
   * another process that lives owns it, `engine/lost-ownership` by `under` or by a `ticket` that is not valid any more.
   */
  claim(run: string, options?: ClaimOptions): Promise<number>
  /** Lets go of a run, so that another process may claim it; a stale epoch changes nothing. */
  release(run: string, epoch: number): Promise<void>
  /**
   * Appends all entries or none. Throws `engine/lost-ownership` when `epoch` is not the run's newest, `engine/duplicate-key`
   * when a key with its type is there already, `run/ended` after `run-end`. An `epoch` of null writes from outside.
   */
  append(run: string, entries: readonly NewEntry[], epoch: number | null): Promise<readonly Entry[]>
  /** Entries after `after` (default 0: all), in order; an unknown run has none. */
  read(run: string, after?: number): Promise<readonly Entry[]>
  /** Entries of a run and of all runs below it, in the order in which they were written. */
  readTree(root: string): Promise<readonly Entry[]>
  /** Newest runs first. */
  heads(filter?: HeadFilter): Promise<readonly RunHead[]>
  /**
   * Entries of all runs in an order that never changes, after a cursor of an earlier call (null: from the first): what is
   * published from the log. An entry that comes later never gets a place before a cursor that was given.
   */
  feed(after: string | null, limit: number): Promise<{ readonly cursor: string | null; readonly entries: readonly Entry[] }>
  /** Forgets the logs of a run and of all runs below it. */
  drop(run: string): Promise<void>
  /** The same at once, where the store is this process's memory; gives what reads the logs still, as `readTree` did. */
  take?(run: string): () => readonly Entry[]
}

/** Who owned a run when something was asked for in its name. */
export interface Ownership {
  readonly run: string
  readonly epoch: number
}

export interface CreateOptions {
  /** More entries of the new log, written from outside: a fork begins with what it has of the other. */
  readonly rest?: readonly NewEntry[]
  /** The caller's run: checked in the same transaction, so that nobody who lost it calls another. */
  readonly under?: Ownership | null
}

export interface ClaimOptions {
  /** Take it even from a process that lives. */
  readonly takeOver?: boolean
  readonly under?: Ownership | null
  /** Of the `QueueTurn` that handed out the run. */
  readonly ticket?: unknown
}

export interface HeadFilter {
  readonly limit?: number
  /** Only runs that no agent called. */
  readonly rootsOnly?: boolean
  readonly session?: SessionKey
}

/** What makes runs one session. */
export interface SessionKey {
  readonly id: string
  readonly agent: string
  readonly tenant?: string
}

/** Whether a run belongs to a session, by its `run-start`. */
export function isOfSession({ agent, tenant, input }: EntryBodies['run-start'], session: SessionKey): boolean {
  return input.session === session.id && agent === session.agent && tenant === session.tenant
}

/** The entries that tell how a run stands, without its whole log. */
export interface RunHead {
  readonly run: string
  readonly start: Entry
  readonly last: Entry
  readonly steps: number
}
