/**
 * A place for snapshots of waiting runs: a cache, never the truth. What `get` gives is exactly what `put` was given for the
 * same key: an adapter seals what it keeps, and gives null for what is not there or was changed.
 */
export interface SnapshotStore {
  /** Keys are ids of runs. Rejects when it cannot be kept; nobody is worse off then. */
  put(key: string, bytes: Uint8Array): Promise<void>
  get(key: string): Promise<Uint8Array | null>
  /** Forgets those of a run and of all runs below it. */
  delete(run: string): Promise<void>
}

/** The one snapshot of a run. */
export interface RunSnapshot {
  put(bytes: Uint8Array): Promise<void>
  get(): Promise<Uint8Array | null>
}

/** What an activation opened for a run and may copy when the run parks. */
export interface Parkable extends AsyncDisposable {
  /** Called when nothing of the run is under way, before it is disposed of; an answer may come meanwhile, and the run then goes on. */
  park?(): Promise<void>
}

export function snapshotOf(store: SnapshotStore, run: string): RunSnapshot {
  return { put: (bytes) => store.put(run, bytes), get: () => store.get(run) }
}
