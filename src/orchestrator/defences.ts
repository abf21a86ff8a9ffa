/**
 * What code does against the ways in which teams are known to fail (docs/architecture/failure-modes.md). Each can be
 * switched off, so that a test can show that the failure gets through without it. Only tests do so. What an option of
 * a team sets (caps, evidence, router, reviewer) is switched by that option.
 */
export interface TeamDefences {
  /** A plan with a cycle is refused. */
  readonly acyclic: boolean
  /** A plan that gives a task tools which its owner does not have is refused. */
  readonly ownTools: boolean
  /** A plan that needs values which nobody gave is refused. */
  readonly knownInputs: boolean
  /** A plan in which two tasks write one path of the state is refused. */
  readonly onePath: boolean
  /** A plan that leaves a criterion of the goal uncovered is refused. */
  readonly coverage: boolean
  /** A task that is done is neither dropped nor given to another. */
  readonly doneStays: boolean
  /** A member has no other tools than its task names. */
  readonly taskTools: boolean
  /** A member is given the inputs of its task and nothing else of the state. */
  readonly ownView: boolean
  /** Long values are cut in what roles are shown. */
  readonly cutViews: boolean
  /** A new attempt is told what was wrong with the ones before, and what was found. */
  readonly history: boolean
  /** An output that does not fit its task's schema is turned down. */
  readonly outputSchema: boolean
  /** An output that leaves out a path that its task writes is turned down. */
  readonly allPaths: boolean
  /** A quote must stand in what was recorded. */
  readonly evidenceStands: boolean
  /** The same output, turned down for the same, ends a task or the run. */
  readonly repetition: boolean
  /** A review that cannot be used has passed nothing. */
  readonly heldReview: boolean
  /** No answer leaves the run unseen. */
  readonly finalCheck: boolean
}

export const ALL_TEAM_DEFENCES: TeamDefences = {
  acyclic: true,
  ownTools: true,
  knownInputs: true,
  onePath: true,
  coverage: true,
  doneStays: true,
  taskTools: true,
  ownView: true,
  cutViews: true,
  history: true,
  outputSchema: true,
  allPaths: true,
  evidenceStands: true,
  repetition: true,
  heldReview: true,
  finalCheck: true,
}
