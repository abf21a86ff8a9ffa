/** Caps on a run and all runs below it together; what is absent is not capped. */
export interface BudgetLimits {
  /** Input and output of all models. */
  readonly tokens?: number
  /** A model whose price is not known is refused under this cap. */
  readonly costUsd?: number
  readonly toolCalls?: number
  /** Wall time of the run, without the time in which it was parked. */
  readonly timeMs?: number
}

/** What a run tree has used. */
export interface Spent {
  readonly tokens: number
  readonly costUsd: number
  readonly toolCalls: number
}

/** Amounts of which some may be absent: not capped. */
export type Amounts = Pick<BudgetLimits, 'tokens' | 'costUsd' | 'toolCalls'>
