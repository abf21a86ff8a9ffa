import type { ErrorJson } from '../../errors/troupe-error.ts'
import type { HeadFilter } from '../engine.ts'

/** An entry as a row of the table; `body` is JSON text. */
export interface Row {
  readonly run: string
  readonly seq: number
  readonly key: string | null
  readonly epoch: number
  readonly at: string
  readonly type: string
  readonly body: string
}

export type NewRow = Omit<Row, 'run' | 'seq' | 'epoch'>

export interface HeadRow {
  readonly start: Row
  readonly last: Row
  readonly steps: number
}

/** What the thread that asks and the worker that holds the file say to each other. */
export interface Operations {
  create: { readonly ask: { readonly run: string; readonly start: NewRow }; readonly give: null }
  claim: { readonly ask: { readonly run: string }; readonly give: number }
  /** Gives the seq of the first row. */
  append: { readonly ask: { readonly run: string; readonly rows: readonly NewRow[]; readonly epoch: number | null }; readonly give: number }
  read: { readonly ask: { readonly run: string; readonly after: number }; readonly give: readonly Row[] }
  readTree: { readonly ask: { readonly root: string }; readonly give: readonly Row[] }
  heads: { readonly ask: HeadFilter; readonly give: readonly HeadRow[] }
  drop: { readonly ask: { readonly run: string }; readonly give: null }
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
