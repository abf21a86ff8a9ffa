/** When workers look, and when one is taken for dead. */
export interface WorkerTimes {
  /** How often a worker says that it lives, and looks for those that do not. */
  readonly sweepMs: number
  /** A worker that has said nothing for so long loses its connection and its runs, though it may live. */
  readonly staleMs: number
  /** How often a worker asks DBOS for runs. */
  readonly pollMs: number
}

export const WORKER_TIMES: WorkerTimes = { sweepMs: 1_000, staleMs: 20_000, pollMs: 50 }

/** How long a run whose turn has come waits in its worker for a cap or a rate, before it makes room for others. */
export const HOLD_MS = 300
export const HOLD_LOOK_MS = 50
/** Before a run that made room is handed out again: from the first to the last of these, twice as long each time. */
export const YIELD_MS = { first: 100, most: 3_000 } as const
/** Before a run that another process drives, such as `troupe resume`, is tried again. */
export const ELSEWHERE_PAUSE_MS = 2_000
/** How long a fault of the store keeps what must be written from being tried again. */
export const FAULT_PAUSE_MS = 500
/** How long DBOS's rows of turns that are over are kept; at least as long as any rate looks back. */
export const KEEP_TURNS_MS = 3_600_000
/** How often turns that DBOS gave up are looked for, and what is over is thrown away. */
export const MEND_MS = 10_000
