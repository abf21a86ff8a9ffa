/** Caps of a team's run; each is a default that an option of the team may change. */
export const TEAM_LIMITS = {
  /** Plans that are carried out: the first and every one after it. */
  maxRounds: 5,
  /** Runs of a task's owner, repairs included. */
  maxAttempts: 3,
  /** Tasks at work at once. */
  maxParallel: 8,
  /** Tasks of one plan. */
  maxTasks: 1_000,
  /** Questions to roles and attempts at tasks together. */
  maxSteps: 10_000,
} as const

/** Caps that are no options. */
export const FIXED_LIMITS = {
  /** Plans in a row that code refuses before the run gives up. */
  plans: 3,
  /** Times that the answer is written in vain. */
  answers: 3,
  /** Questions to people in one run, approvals included. */
  waits: 100,
  /** Owners that a task may be handed on to. */
  handOvers: 3,
  /** Anomalies of one task that are looked into. */
  investigations: 2,
  /** Answers of a role that cannot be used, asked for again with what is wrong. */
  repairs: 2,
  /** Questions that the owner of a task may put to others in one attempt. */
  questions: 5,
  /** Questions that the router or the architect may put to a person in one run. */
  clarifications: 3,
  /** Rounds in a row in which no task gets done. */
  stalls: 2,
  /** Working time of one attempt, milliseconds. */
  taskTimeMs: 600_000,
  /** Characters of one value that a role or a member is shown in its prompt. */
  shownChars: 8_000,
} as const
