/** What one step of model-written code may use. Every tier enforces those that it can; `troupe doctor` says where one cannot. */
export interface Limits {
  /** Guest CPU time where the tier has fuel, else wall time outside waiting for tools and agents. */
  readonly timeoutMs: number
  /** Interrupt ticks of the interpreter; the same live and in replay, so it is meant to be met before `timeoutMs`. */
  readonly fuel: number
  readonly memoryMb: number
  /** CPU cores. Tiers in a thread have one by nature. */
  readonly cpus: number
  readonly processes: number
  readonly diskMb: number
  /** Everything printed in a step, in UTF-8 bytes. */
  readonly outputBytes: number
  readonly maxCalls: number
  /** Calls started and not yet answered. */
  readonly maxInFlight: number
  /** One answer of a tool or agent on its way into the guest, and one call's arguments on their way out. */
  readonly answerBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  timeoutMs: 10_000,
  // QuickJS ticks once in 10,000 loop turns: 30,000 ticks are about 3e8 turns, met well before 10 s of CPU.
  fuel: 30_000,
  memoryMb: 256,
  cpus: 1,
  processes: 64,
  diskMb: 16,
  outputBytes: 262_144,
  maxCalls: 1_000,
  maxInFlight: 16,
  answerBytes: 1_048_576,
}

/** The defaults with what `overrides` names. */
export function limitsOf(overrides: Partial<Limits> = {}): Limits {
  return { ...DEFAULT_LIMITS, ...overrides }
}
