import { AsyncLocalStorage } from 'node:async_hooks'
import { resolve } from 'node:path'
import type { EffectScope, EngineAdapter } from '../engine.ts'
import { snapshotFiles } from './snapshot-files.ts'
import { keyOfFile, keyOfText } from './snapshot-key.ts'
import { SqliteStore } from './sqlite-store.ts'
import { WorkerLink } from './worker-link.ts'

export interface SqliteOptions {
  /** Made with its directory when it is not there. */
  readonly path: string
  /**
   * At least 32 random characters that seal snapshots of waiting runs; the same in every process. Default: a file beside the store,
   * `PATH.key`, made when it is not there, which only its owner may read. False: no snapshots.
   */
  readonly snapshotKey?: string | false
  /** Where the worker's file is, when the program is bundled: it must be a file of its own, made of `troupe/engine/sqlite/worker`. */
  readonly workerUrl?: URL
}

/**
 * Keeps logs in one SQLite file, held open by a worker thread; several processes may use it at once. A write is on disk
 * (WAL, synchronous=FULL) when its promise resolves. Opening throws `config/missing-file` or `engine/store-failed`.
 * In a bundle `workerUrl` has to be given.
 */
export function sqlite({ path, workerUrl = WORKER_URL, snapshotKey }: SqliteOptions): EngineAdapter {
  const configured = typeof snapshotKey === 'string' ? keyOfText(snapshotKey) : null
  return {
    name: 'sqlite',
    effects: effectScope(),
    open: async () => {
      const absolute = resolve(path)
      const link = await WorkerLink.open(workerUrl, { path: absolute })
      const key = snapshotKey === false ? null : (configured ?? keyOfFile(`${absolute}.key`))
      return new SqliteStore(link, absolute, key === null ? undefined : snapshotFiles(`${absolute}.snapshots`, key))
    },
  }
}

/** The source runs as it is, the build beside it under another ending. */
const WORKER_URL = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

function effectScope(): EffectScope {
  const scope = new AsyncLocalStorage<string>()
  return { run: (root, effect) => scope.run(root, effect), active: () => scope.getStore() }
}
