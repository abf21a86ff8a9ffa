import type { LogStore } from '../engine.ts'
import type { Database } from './database.ts'
import type { ProcessLock } from './process-lock.ts'
import type { WorkerTimes } from './worker-times.ts'

/** What the queue and its workers have of the store that they are a part of. */
export interface QueueParts {
  readonly database: Database
  readonly lock: ProcessLock
  readonly store: LogStore
  readonly times: WorkerTimes
}
