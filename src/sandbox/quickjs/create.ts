import { TroupeError } from '../../errors/troupe-error.ts'
import type { Sandbox, SandboxSession } from '../sandbox.ts'
import { defaultWorkers, Pool } from './pool.ts'
import type { Defences } from './protocol.ts'
import { QuickJsSession } from './session.ts'
import { snapshotKey } from './snapshot-key.ts'

export interface QuickJsOptions {
  /**
   * Worker threads at most. Default: the number of cores, at least 2 and at most 4. Sessions share them: one that
   * computes delays the others in its thread, so a step is started in a thread that is free, where there is one.
   */
  readonly workers?: number
  /** Where the worker's file is, when the program is bundled: `import.meta.resolve('troupe/sandbox/quickjs/worker')`. */
  readonly workerUrl?: URL
  /** Where the interpreter's file is, when the program is bundled: `import.meta.resolve('quickjs-wasi/quickjs.wasm')`. */
  readonly wasmUrl?: URL
  /**
   * CPU milliseconds that code must have burnt since the last snapshot for a parked run's session to be kept as one. Default 100:
   * to restore takes some 10 ms, so what burnt less is run again. `Infinity`: never.
   */
  readonly snapshotAfterMs?: number
}

const SNAPSHOT_AFTER_MS = 100

/** A sandbox with threads of its own. Disposing of it ends them, and every session with them; a process can exit without. */
export interface QuickJsSandbox extends Sandbox, AsyncDisposable {}

/** For tests alone: a sandbox with some defences switched off. */
export function quickjsWith(
  defences: Defences,
  { workers = defaultWorkers(), workerUrl = ownWorker(), wasmUrl, snapshotAfterMs = SNAPSHOT_AFTER_MS }: QuickJsOptions = {},
): QuickJsSandbox {
  if (!Number.isInteger(workers) || workers < 1)
    throw new TroupeError('config/invalid', `quickjs({ workers: ${workers} }): a whole number of at least 1 is needed`)
  const pool = new Pool({ workers, workerUrl, wasmUrl, defences })
  return {
    name: 'quickjs',
    languages: ['typescript'],
    capabilities: { isolation: 'interpreter', parallelCalls: true, snapshots: true, deterministic: true, fuel: true },
    async open(open): Promise<SandboxSession> {
      if (open.language !== 'typescript')
        throw new TroupeError('sandbox/unavailable', `quickjs runs TypeScript, not ${open.language}: choose another sandbox`)
      await pool.start()
      const keeping = { key: () => snapshotKey(pool.wasmHash, open, defences), afterMs: snapshotAfterMs }
      if (open.snapshot !== undefined) return QuickJsSession.restore(pool, open, defences, keeping, open.snapshot)
      return new QuickJsSession(pool, open, defences, keeping)
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

/** Beside this file: as TypeScript in the repository, as JavaScript in the package. Both are written out for bundlers to find. */
function ownWorker(): URL {
  return import.meta.url.endsWith('.ts') ? new URL('./worker.ts', import.meta.url) : new URL('./worker.js', import.meta.url)
}
