import type { Rate } from './queue.ts'

/** The starts of the last `periodMs` of one rate; what a restart, or a clock that is set back, forgets is at most one period. */
export class RateWindow {
  readonly #rate: Rate
  #starts: number[] = []

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** When the next start may be: now, or later. */
  nextAt(now: number): number {
    // A start in the future was before the clock was set back: it would keep everybody waiting until that time comes again.
    this.#starts = this.#starts.filter((at) => at > now - this.#rate.periodMs && at <= now)
    const oldest = this.#starts[this.#starts.length - this.#rate.limit]
    return oldest === undefined ? now : oldest + this.#rate.periodMs
  }

  start(now: number): void {
    this.#starts.push(now)
  }
}
