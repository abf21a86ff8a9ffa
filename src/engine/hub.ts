import { isEntry, type Entry, type EntryType } from '../client/entry.ts'
import type { RunEvent, TransientEvent } from '../client/event.ts'
import { eventOf, type EventSource } from '../client/project.ts'

export type EventListener = (event: RunEvent) => void

/** At most 20 a second a run: what came in between is joined. */
const LIVE_INTERVAL_MS = 50

/** Turns entries into events; learns from each `run-start` whose they are. */
export class Projector {
  readonly #sources = new Map<string, EventSource>()

  project(entry: Entry): RunEvent | null {
    this.learn(entry)
    return eventOf(entry, this.sourceOf(entry.run))
  }

  /** Takes note of an entry whose event nobody wants. */
  learn(entry: Entry): void {
    if (!isEntry(entry, 'run-start')) return
    const { agent, parentRunId } = entry.body
    this.#sources.set(entry.run, { agent, ...(parentRunId !== undefined && { parentRunId }) })
  }

  sourceOf(run: string): EventSource {
    return this.#sources.get(run) ?? { agent: '' }
  }
}

/** Brings what happens in one run tree to its listeners in this process: entries as events, and what streams between. */
export class Hub {
  readonly #projector = new Projector()
  /** What each listener wants of what is logged. */
  readonly #listeners = new Map<EventListener, (type: EntryType) => boolean>()
  #liveListeners = 0
  /** By run, the last seq that was told or was there before. */
  readonly #told = new Map<string, number>()
  readonly #live = new Map<string, { run: string; event: TransientEvent; timer: ReturnType<typeof setTimeout> }>()

  /** Whether anybody wants what streams. */
  get isWatched(): boolean {
    return this.#liveListeners > 0
  }

  /**
   * `wantsLive`: what streams as well, default true; `wants`: which of the logged ones, default all. What nobody wants is not even
   * made, and what another wants may come as well.
   */
  subscribe(listener: EventListener, wantsLive: boolean = true, wants: (type: EntryType) => boolean = () => true): () => void {
    this.#listeners.set(listener, wants)
    if (wantsLive) this.#liveListeners++
    return () => {
      if (this.#listeners.delete(listener) && wantsLive) this.#liveListeners--
    }
  }

  /** Takes note of a log that was there before, whose runs may go on now, and tells nobody. */
  learn(entries: readonly Entry[]): void {
    for (const entry of entries) this.#learn(entry)
  }

  publish(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#flush(entry.run)
      this.#learn(entry)
      if (!this.#isWanted(entry.type)) continue
      const event = this.#projector.project(entry)
      if (event) this.#tell(event)
    }
  }

  /** Publishes what others have written since: `tree` holds all that is in the logs. */
  catchUp(tree: readonly Entry[]): void {
    this.publish(tree.filter((entry) => entry.seq > (this.#told.get(entry.run) ?? 0)))
  }

  /** Joins the text of one attempt until its interval is over. */
  live(run: string, event: TransientEvent): void {
    if (!this.isWatched) return
    const waiting = this.#live.get(run)
    if (waiting && waiting.event.step === event.step && waiting.event.attempt === event.attempt) {
      waiting.event = { ...event, text: waiting.event.text + event.text }
      return
    }
    this.#flush(run)
    const timer = setTimeout(() => this.#flush(run), LIVE_INTERVAL_MS)
    this.#live.set(run, { run, event, timer })
  }

  #flush(run: string): void {
    const waiting = this.#live.get(run)
    if (!waiting) return
    clearTimeout(waiting.timer)
    this.#live.delete(run)
    this.#tell({ ...waiting.event, at: new Date().toISOString(), runId: run, ...this.#projector.sourceOf(run) })
  }

  #isWanted(type: EntryType): boolean {
    for (const wants of this.#listeners.values()) if (wants(type)) return true
    return false
  }

  #learn(entry: Entry): void {
    this.#told.set(entry.run, Math.max(entry.seq, this.#told.get(entry.run) ?? 0))
    this.#projector.learn(entry)
  }

  #tell(event: RunEvent): void {
    for (const listener of this.#listeners.keys()) listener(event)
  }
}
