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

/** The key of a call itself: `2.5`. */
const CALL = /^(\d+)\.(\d+)$/
/** That it was made again: `2.5.again.1`. */
const AGAIN = /^(\d+)\.(\d+)\.again\.\d+$/

/** Which types of entry tell of a call. */
const OF_CALLS: ReadonlySet<EntryType> = new Set(['call-asked', 'tool-start', 'tool-again', 'tool-end', 'call-settled'])

/** Which types of entry are the memo of an operation: it was asked for, and this is what it gave. */
const MEMOS: ReadonlySet<EntryType> = new Set(['effect', 'model-end', 'agent-end', 'wait-end'])

/** The log of a run as this activation knows it, found by key: what was there when it began, and what it wrote since. */
export class Recorded {
  readonly #entries: Entry[] = []
  readonly #seqs = new Set<number>()
  #completeTo = 0
  readonly #byKey = new Map<string, Entry>()
  /** The calls of each step, by their number. */
  readonly #calls = new Map<number, Map<number, CallRecord>>()

  constructor(entries: readonly Entry[]) {
    this.add(entries)
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.#seqs.has(entry.seq)) continue
      this.#seqs.add(entry.seq)
      this.#entries.push(entry)
      if (entry.key === undefined) continue
      this.#byKey.set(nameOf(entry.type, entry.key), entry)
      this.#noteCall(entry, entry.key)
    }
  }

  /** Every entry up to this seq is known; one after it may have come from outside unseen. */
  get completeTo(): number {
    while (this.#seqs.has(this.#completeTo + 1)) this.#completeTo++
    return this.#completeTo
  }

  find<Type extends EntryType>(type: Type, key: string): Entry<Type> | undefined {
    const entry = this.#byKey.get(nameOf(type, key))
    return entry && isEntry(entry, type) ? entry : undefined
  }

  /** The memos that settle in log order, in that order, each named by type and key. */
  turns(): readonly string[] {
    return this.entries.flatMap(turnOf)
  }

  /** How many of the turns came before another version adopted the run. */
  adoptedTurns(): number {
    const last = this.entries.findLastIndex((entry) => entry.type === 'adopted')
    return this.entries.slice(0, Math.max(last, 0)).flatMap(turnOf).length
  }

  /** The calls of one action by their number. */
  calls(step: number): readonly CallRecord[] {
    return [...(this.#calls.get(step)?.values() ?? [])]
  }

  #noteCall(entry: Entry, key: string): void {
    if (!OF_CALLS.has(entry.type)) return
    const place = (entry.type === 'tool-again' ? AGAIN : CALL).exec(key)
    if (!place) return
    const [step, call] = [Number(place[1]), Number(place[2])]
    const calls = this.#calls.get(step) ?? new Map<number, CallRecord>()
    const known = calls.get(call)
    if (isEntry(entry, 'call-asked')) calls.set(call, { call, ...entry.body, started: false, repeats: 0, order: null, answer: null })
    else if (isEntry(entry, 'tool-start')) calls.set(call, { call, ...entry.body, started: true, repeats: 0, order: null, answer: null })
    else if (known && entry.type === 'tool-again') calls.set(call, { ...known, repeats: known.repeats + 1 })
    else if (known && (isEntry(entry, 'tool-end') || isEntry(entry, 'call-settled'))) calls.set(call, answered(known, entry.body))
    this.#calls.set(step, calls)
  }

  end(step: number): EntryBodies['action-end'] | null {
    return this.find('action-end', `${step}.end`)?.body ?? null
  }
}

function turnOf({ type, key }: Entry): readonly string[] {
  return key !== undefined && MEMOS.has(type) && !isCallKey(key) ? [nameOf(type, key)] : []
}

function answered(record: CallRecord, body: { readonly answer: AnswerBody; readonly order: number }): CallRecord {
  return { ...record, order: body.order, answer: body.answer }
}
