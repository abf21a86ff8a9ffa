import { isEntry, type Entry } from '../client/entry.ts'
import type { Clock } from '../util/clock.ts'
import type { JsonValue } from '../util/json.ts'
import type { WaitOptions } from './context.ts'

/** What ended a wait: the seq of the entry that answered it, or none when its time came. */
export interface Arrival {
  readonly value: JsonValue
  readonly from?: number
}

interface OpenWait {
  readonly key: string
  readonly options: WaitOptions
  arrive(arrival: Arrival): void
  disarm(): void
}

/** What came into one run from outside, and who waits for it. A signal is taken by one wait, the oldest first. */
export class Inbox {
  readonly #clock: Clock
  readonly #arrived: Entry[] = []
  readonly #taken = new Set<number>()
  readonly #open = new Map<string, OpenWait>()

  constructor(clock: Clock, entries: readonly Entry[]) {
    this.#clock = clock
    for (const entry of entries) this.receive(entry)
    for (const entry of entries) if (isEntry(entry, 'wait-end') && entry.body.from !== undefined) this.#taken.add(entry.body.from)
  }

  get waiting(): number {
    return this.#open.size
  }

  /** Takes note of an entry of the run; those that answer nothing are ignored, those known are not taken twice. */
  receive(entry: Entry): void {
    if (entry.type !== 'approval-given' && entry.type !== 'signal') return
    if (this.#arrived.some((known) => known.seq === entry.seq)) return
    this.#arrived.push(entry)
    for (const wait of this.#open.values()) if (this.#offer(wait)) return
  }

  /** Resolves with what answers the wait, be it there already. */
  answer(key: string, options: WaitOptions): Promise<Arrival> {
    return new Promise((resolve) => {
      const wait: OpenWait = {
        key,
        options,
        arrive: (arrival) => {
          wait.disarm()
          this.#open.delete(key)
          resolve(arrival)
        },
        disarm: () => {},
      }
      this.#open.set(key, wait)
      if (!this.#offer(wait) && options.until !== undefined) this.#arm(wait, options.until)
    })
  }

  /** Drops all waits: their activation is over. */
  close(): void {
    this.forget('')
  }

  /** Drops the waits of an action that is over: nobody is there to take their answer. */
  forget(prefix: string): void {
    for (const [key, wait] of this.#open) {
      if (!key.startsWith(prefix)) continue
      wait.disarm()
      this.#open.delete(key)
    }
  }

  /** A time that is past has come already: a timer for it could lose against parking, again and again. */
  #arm(wait: OpenWait, until: number): void {
    const leftMs = until - this.#clock.now()
    if (leftMs <= 0) wait.arrive({ value: null })
    else wait.disarm = this.#clock.after(leftMs, () => this.#arm(wait, until))
  }

  #offer(wait: OpenWait): boolean {
    const entry = this.#arrived.find((entry) => !this.#taken.has(entry.seq) && answers(entry, wait))
    if (!entry) return false
    this.#taken.add(entry.seq)
    wait.arrive({ value: valueOf(entry), from: entry.seq })
    return true
  }
}

function answers(entry: Entry, wait: OpenWait): boolean {
  if (isEntry(entry, 'approval-given')) return wait.options.approval !== undefined && entry.key === wait.key
  return isEntry(entry, 'signal') && wait.options.topic === entry.body.topic
}

function valueOf(entry: Entry): JsonValue {
  if (isEntry(entry, 'signal')) return entry.body.value
  if (!isEntry(entry, 'approval-given')) return null
  const { decision, reason, result } = entry.body
  return { decision, ...(reason !== undefined && { reason }), ...(result !== undefined && { result }) }
}
