import type { SQLOutputValue } from 'node:sqlite'
import { TroupeError } from '../../errors/troupe-error.ts'

/** A row as SQLite gives it: what is in the file may be anything. */
export type Columns = Record<string, SQLOutputValue>

export function text(columns: Columns, name: string): string {
  const value = columns[name]
  if (typeof value === 'string') return value
  throw new TroupeError('engine/log-corrupt', `column ${name} of the store holds no text`)
}

export function integer(columns: Columns, name: string): number {
  const value = columns[name]
  if (typeof value === 'number') return value
  throw new TroupeError('engine/log-corrupt', `column ${name} of the store holds no number`)
}

export function textOrNull(columns: Columns, name: string): string | null {
  return columns[name] === null ? null : text(columns, name)
}

export function integerOrNull(columns: Columns, name: string): number | null {
  return columns[name] === null ? null : integer(columns, name)
}
