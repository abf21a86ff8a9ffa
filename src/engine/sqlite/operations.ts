import type { ErrorJson } from '../../errors/troupe-error.ts'
import type { Spent } from '../budget.ts'
import type { HeadFilter, Ownership } from '../engine.ts'
import type { LedgerAnswer, LedgerScope } from '../ledger.ts'
import type { Admission, QueueDepth, QueueItem } from '../queue.ts'
import type { AfterTurn } from '../queue-rows.ts'
import type { QueueRow } from '../ready-queue.ts'

/** An entry as a row of the table; `body` is JSON text. */
export interface Row {
  readonly run: string
  readonly seq: number
  readonly key: string | null
  readonly epoch: number
  readonly at: string
  readonly type: string
  readonly body: string
  /** The format of the body. */
  readonly version: number
}

export type NewRow = Omit<Row, 'run' | 'seq' | 'epoch'>

export interface HeadRow {
  readonly start: Row
  readonly last: Row
  readonly steps: number
}

/** What the thread that asks and the worker that holds the file say to each other. */
export interface Operations {
  create: {
    readonly ask: { readonly run: string; readonly rows: readonly NewRow[]; readonly under: Ownership | null }
    readonly give: null
  }
  claim: { readonly ask: { readonly run: string; readonly takeOver: boolean; readonly under: Ownership | null }; readonly give: number }
  release: { readonly ask: Ownership; readonly give: null }
  /** Gives the seq of the first row. */
  append: { readonly ask: { readonly run: string; readonly rows: readonly NewRow[]; readonly epoch: number | null }; readonly give: number }
  read: { readonly ask: { readonly run: string; readonly after: number }; readonly give: readonly Row[] }
  readTree: { readonly ask: { readonly root: string }; readonly give: readonly Row[] }
  heads: { readonly ask: HeadFilter; readonly give: readonly HeadRow[] }
  drop: { readonly ask: { readonly run: string }; readonly give: null }
  /** Gives what comes after an ordinal, and the ordinal of the last of it. */
  feed: {
    readonly ask: { readonly after: number; readonly limit: number }
    readonly give: { readonly cursor: number; readonly rows: readonly Row[] }
  }
  enqueue: { readonly ask: { readonly start: NewRow; readonly item: QueueItem; readonly admission: Admission }; readonly give: null }
  queueLock: { readonly ask: null; readonly give: null }
  queueUnlock: { readonly ask: null; readonly give: null }
  queueIsLocked: { readonly ask: null; readonly give: boolean }
  queueChanged: { readonly ask: { readonly after: number }; readonly give: readonly QueueRow[] }
  queueTake: { readonly ask: { readonly run: string }; readonly give: QueueRow | null }
  queueSettle: { readonly ask: { readonly run: string; readonly to: AfterTurn }; readonly give: QueueRow | null }
  queueWake: { readonly ask: { readonly run: string }; readonly give: boolean }
  queueGet: { readonly ask: { readonly run: string }; readonly give: QueueRow | null }
  queueDepth: { readonly ask: null; readonly give: QueueDepth }
  reserve: {
    readonly ask: { readonly holder: string; readonly scopes: readonly LedgerScope[]; readonly amount: Spent }
    readonly give: LedgerAnswer
  }
  settle: { readonly ask: { readonly id: string; readonly used: Spent }; readonly give: null }
  releaseHolds: { readonly ask: { readonly holder: string }; readonly give: null }
  spent: { readonly ask: { readonly scope: string }; readonly give: { readonly spent: Spent; readonly held: Spent } }
  version: { readonly ask: null; readonly give: number }
  /** The last one: nothing after it is answered. */
  close: { readonly ask: null; readonly give: null }
}

export type OperationName = keyof Operations

export type Request = {
  readonly [Name in OperationName]: { readonly id: number; readonly name: Name; readonly ask: Operations[Name]['ask'] }
}[OperationName]

export type Given = Operations[OperationName]['give']

export type Reply =
  | { readonly id: number; readonly ok: true; readonly give: Given }
  | { readonly id: number; readonly ok: false; readonly error: ErrorJson }

/** What the worker says before anything was asked: whether it has the file. */
export type Opened = { readonly ok: true } | { readonly ok: false; readonly error: ErrorJson }

export interface WorkerSetup {
  /** Absolute. */
  readonly path: string
}
