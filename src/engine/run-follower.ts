import { isEntry, type Entry, type EntryBodies } from '../client/entry.ts'
import { openWaitsOf, statusOf } from '../client/fold.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Driven } from './driven.ts'
import type { LogStore } from './engine.ts'
import { Hub } from './hub.ts'

export interface RunFollowerOptions {
  readonly store: LogStore
  readonly runId: string
  /** Done first; what it throws is why there is nothing to follow. */
  readonly begin?: () => Promise<void>
  /** Calls `onChange` when something may have been written, by whomever. */
  subscribe(onChange: () => void): () => void
  cancel(reason: TroupeError): Promise<void>
}

/** What is written within this time is one look at the log. */
const SETTLE_MS = 20

/** Follows a run that others drive, by its log alone: another process, or a worker of this one. */
export class RunFollower implements Driven {
  readonly hub: Hub = new Hub()
  readonly ended: Promise<EntryBodies['run-end']>
  readonly #options: RunFollowerOptions
  #parked = Promise.withResolvers<void>()
  #isParkedTold = false
  #isStopped = false
  #wake: () => void = () => {}

  constructor(options: RunFollowerOptions) {
    this.#options = options
    this.ended = this.#follow()
    this.ended.catch(() => {})
  }

  get runId(): string {
    return this.#options.runId
  }

  get parked(): Promise<void> {
    return this.#parked.promise
  }

  entries(): Promise<readonly Entry[]> {
    return this.#options.store.readTree(this.runId)
  }

  cancel(reason: TroupeError): Promise<void> {
    return this.#options.cancel(reason)
  }

  /** Follows no longer; the run itself goes on. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wake()
    await this.ended.catch(() => {})
  }

  async #follow(): Promise<EntryBodies['run-end']> {
    await this.#options.begin?.()
    let isChanged = false
    const unsubscribe = this.#options.subscribe(() => {
      isChanged = true
      this.#wake()
    })
    try {
      for (;;) {
        isChanged = false
        const end = this.#take(await this.entries())
        if (end) return end
        if (this.#isStopped) throw new TroupeError('engine/closed', `run ${this.runId} is not followed any more: its runtime was closed`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
          if (isChanged || this.#isStopped) resolve()
        })
        if (!this.#isStopped) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      }
    } finally {
      unsubscribe()
    }
  }

  #take(tree: readonly Entry[]): EntryBodies['run-end'] | undefined {
    if (tree.length === 0) throw new TroupeError('run/not-found', `no run ${this.runId} in this store`)
    this.hub.catchUp(tree)
    const own = tree.filter((entry) => entry.run === this.runId)
    this.#tellParked(
      statusOf(own) === 'waiting' && [...Map.groupBy(tree, ({ run }) => run).values()].some((log) => openWaitsOf(log).length > 0),
    )
    const end = own.findLast((entry) => entry.type === 'run-end')
    return end && isEntry(end, 'run-end') ? end.body : undefined
  }

  #tellParked(isParked: boolean): void {
    if (isParked) this.#parked.resolve()
    else if (this.#isParkedTold) this.#parked = Promise.withResolvers()
    this.#isParkedTold = isParked
  }
}
