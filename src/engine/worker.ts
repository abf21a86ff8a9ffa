import type { Entry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Consumer, Performed, QueueLimits, QueueTurn, RunQueue } from './queue.ts'
import { QUEUE_DEFAULTS } from './queue.ts'
import type { RunDriver } from './run-driver.ts'

export interface WorkOptions {
  /** Runs at once. Default 4. */
  readonly concurrency?: number
  /** Take runs of these agents only. Default: all that the runtime knows. */
  readonly agents?: readonly string[]
  readonly limits?: QueueLimits
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
  /** Told what it takes and what becomes of it. One that throws stops nothing. */
  readonly onTurn?: (event: TurnEvent) => void
}

/** `taken`: a turn begins. `left`: it is over. `refused`: the queue itself ended the run, because it expired or is a dead letter. */
export type TurnEvent =
  | { readonly type: 'taken'; readonly run: string; readonly attempt: number }
  | { readonly type: 'left'; readonly run: string; readonly attempt: number; readonly performed: Performed }
  | { readonly type: 'refused'; readonly run: string }

/** What a worker needs of its runtime. */
export interface WorkerParts {
  readonly queue: RunQueue
  readonly agents: readonly string[]
  /** Drives one turn of a run; null when this process has that run already. */
  drive(turn: QueueTurn): RunDriver | null
  onWritten(entries: readonly Entry[]): void
}

/** Takes runs from the queue of a runtime's store and drives each until it ends or waits. */
export class RuntimeWorker implements AsyncDisposable {
  readonly #consumer: Consumer
  readonly #driving: Set<RunDriver>

  private constructor(consumer: Consumer, driving: Set<RunDriver>) {
    this.#consumer = consumer
    this.#driving = driving
  }

  static async start(parts: WorkerParts, options: WorkOptions): Promise<RuntimeWorker> {
    const { concurrency = QUEUE_DEFAULTS.concurrency, agents = parts.agents, limits, backoff } = options
    const tell = (event: TurnEvent): void => {
      try {
        options.onTurn?.(event)
      } catch {
        // Who only listens must not end a run.
      }
    }
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new TroupeError('config/invalid', `concurrency is ${concurrency}: a worker runs at least 1 run at once`)
    const unknown = agents.find((name) => !parts.agents.includes(name))
    if (unknown !== undefined)
      throw new TroupeError('config/unknown-agent', `a worker was asked to take runs of '${unknown}', which is not configured here`)
    const driving = new Set<RunDriver>()
    const perform = async (turn: QueueTurn): Promise<Performed> => {
      const driver = parts.drive(turn)
      if (!driver) return { type: 'broken', error: new TroupeError('run/busy', `run ${turn.run} is driven by this process already`) }
      const { run, attempt } = turn
      tell({ type: 'taken', run, attempt })
      driving.add(driver)
      const performed = await driver.turn
      driving.delete(driver)
      tell({ type: 'left', run, attempt, performed })
      return performed
    }
    const onWritten = (entries: readonly Entry[]): void => {
      parts.onWritten(entries)
      for (const { run, type } of entries) if (type === 'run-end') tell({ type: 'refused', run })
    }
    const consumer = await parts.queue.consume(
      { concurrency, agents, ...(limits && { limits }), ...(backoff && { backoff }), onWritten },
      perform,
    )
    return new RuntimeWorker(consumer, driving)
  }

  /** How many runs are driven now. */
  get running(): number {
    return this.#consumer.running
  }

  /** Resolves when this process must take no more runs and should exit, such as after it lost its place in the fleet. */
  get lost(): Promise<TroupeError> {
    return this.#consumer.lost
  }

  /**
   * Takes no more runs. Those under way have `graceMs` to end or to park; then they are stopped as they stand, and queued
   * again for others. Resolves when none is left. Default 30,000.
   */
  async drain(graceMs: number = 30_000): Promise<void> {
    const drained = this.#consumer.drain()
    const timer = setTimeout(() => this.#stopAll(), graceMs)
    await drained
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0)
  }

  #stopAll(): void {
    for (const driver of this.#driving) driver.stop().catch(() => {})
  }
}
