import { dbos } from '../../src/engine/dbos/dbos.ts'
import type { EngineAdapter } from '../../src/engine/engine.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'

/** The engine of a store: `postgres://…`, or the path of a SQLite file. */
export function engineOf(store: string): EngineAdapter {
  return store.startsWith('postgres:') ? dbos({ url: store }) : sqlite({ path: store })
}
