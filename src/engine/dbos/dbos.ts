import { AsyncLocalStorage } from 'node:async_hooks'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { EffectScope, EngineAdapter } from '../engine.ts'
import { Database } from './database.ts'
import { DbosStore } from './dbos-store.ts'
import { schemasOf } from './names.ts'
import { WORKER_TIMES } from './worker-times.ts'

export interface DbosOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`: a direct connection, for one through a pooler of transactions keeps no locks. */
  readonly url: string
  /** Where the tables are; DBOS keeps its own in `SCHEMA_dbos`. Both are made when they are not there. Default `troupe`. */
  readonly schema?: string
  /** Connections of the store at most. A worker has two more, and 5 for DBOS. Default 8. */
  readonly poolSize?: number
  /** How often a worker says that it lives, and looks for those that do not, in milliseconds. Default 1,000. */
  readonly sweepMs?: number
  /**
   * A worker that has said nothing for so long is taken for dead: its connection is cut, it exits, and others take its
   * runs over. More than the longest time for which a worker's event loop is blocked. Milliseconds; default 20,000.
   */
  readonly staleMs?: number
  /** How often a worker asks for runs, in milliseconds. Default 50. */
  readonly pollMs?: number
}

/**
 * Keeps logs in PostgreSQL; any number of processes on any number of machines use one store, and any number of workers
 * serve it, with DBOS as their scheduler. A write is committed when its promise resolves. Needs `pg` and
 * `@dbos-inc/dbos-sdk`. Throws `config/invalid` for options that are none; opening throws `config/invalid` for what the
 * server refuses, `engine/store-failed` when there is none (retryable) or its tables are of a newer version.
 */
export function dbos({ url, schema = 'troupe', poolSize = 8, ...times }: DbosOptions): EngineAdapter {
  const schemas = schemasOf(schema)
  const all = { ...WORKER_TIMES, ...times }
  for (const [name, value] of Object.entries({ poolSize, ...all }))
    if (!Number.isInteger(value) || value < 1) throw new TroupeError('config/invalid', `${name} is ${value}: give a whole number above 0`)
  return {
    name: 'dbos',
    effects: effectScope(),
    open: async () => new DbosStore(await Database.open({ url, schemas, poolSize }), all),
  }
}

function effectScope(): EffectScope {
  const scope = new AsyncLocalStorage<string>()
  return { run: (root, effect) => scope.run(root, effect), active: () => scope.getStore() }
}
