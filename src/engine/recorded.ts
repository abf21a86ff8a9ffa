import { isEntry, type AnswerBody, type Entry, type EntryBodies, type EntryType } from '../client/entry.ts'
import type { CallRecord } from './context.ts'

/** Keys of calls (`2.5` and what is below them) are ordered by their action, all others by the log. */
export function isCallKey(key: string): boolean {
  return /^\d+\.\d/.test(key)
}

/** A key is unique with its type in its run. */
export function nameOf(type: EntryType, key: string): string {
  return `${type} ${key}`
}

/** Which types of entry are the memo of an operation: it was asked for, and this is what it gave. */
const MEMOS: ReadonlySet<EntryType> = new Set(['effect', 'model-end', 'agent-end', 'wait-end'])

/** The log of a run as this activation knows it, found by key: what was there when it began, and what it wrote since. */
export class Recorded {
  readonly #entries: Entry[] = []
  readonly #byKey = new Map<string, Entry>()

  constructor(entries: readonly Entry[]) {
    this.add(entries)
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry)
      if (entry.key !== undefined) this.#byKey.set(nameOf(entry.type, entry.key), entry)
    }
  }

  find<Type extends EntryType>(type: Type, key: string): Entry<Type> | undefined {
    const entry = this.#byKey.get(nameOf(type, key))
    return entry && isEntry(entry, type) ? entry : undefined
  }

  /** The memos that settle in log order, in that order, each named by type and key. */
  turns(): readonly string[] {
    return this.entries.flatMap((entry) =>
      entry.key !== undefined && MEMOS.has(entry.type) && !isCallKey(entry.key) ? [nameOf(entry.type, entry.key)] : [],
    )
  }

  /** The calls of one action by their number. */
  calls(step: number): readonly CallRecord[] {
    const prefix = `${step}.`
    const calls = new Map<number, CallRecord>()
    for (const entry of this.entries) {
      if (entry.key === undefined || !entry.key.startsWith(prefix)) continue
      const call = callNumber(entry.key.slice(prefix.length))
      if (call === null) continue
      const known = calls.get(call)
      if (isEntry(entry, 'call-asked')) calls.set(call, { call, ...entry.body, started: false, order: null, answer: null })
      else if (isEntry(entry, 'tool-start')) calls.set(call, { call, ...entry.body, started: true, order: null, answer: null })
      else if (known && (isEntry(entry, 'tool-end') || isEntry(entry, 'call-settled'))) calls.set(call, answered(known, entry.body))
    }
    return [...calls.values()]
  }

  end(step: number): EntryBodies['action-end'] | null {
    return this.find('action-end', `${step}.end`)?.body ?? null
  }
}

function answered(record: CallRecord, body: { readonly answer: AnswerBody; readonly order: number }): CallRecord {
  return { ...record, order: body.order, answer: body.answer }
}

function callNumber(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : null
}
