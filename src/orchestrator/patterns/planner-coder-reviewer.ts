import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent } from '../../agent/agent.ts'
import type { Planning, Review, Role, TeamOptions } from '../options.ts'
import type { ArchitectView, ReviewView } from '../views.ts'
import { always, type PatternOptions } from './pattern.ts'

export interface PlannerCoderReviewerOptions<Output extends StandardSchemaV1 | undefined, Name extends string> extends PatternOptions<
  Output,
  Name
> {
  /** Breaks the goal into tasks for the coder. Default: the team's model. */
  readonly planner?: Role<ArchitectView, Planning>
  /** Does every task. */
  readonly coder: Agent
  /** Holds each task and the answer against what was asked; what it objects to goes back to the coder. */
  readonly reviewer: Role<ReviewView, Review>
}

/** One plans, one does the work, one holds it against the goal, until it stands or a cap is met. */
export function plannerCoderReviewerTeam<Output extends StandardSchemaV1 | undefined, Name extends string>({
  planner,
  coder,
  reviewer,
  ...options
}: PlannerCoderReviewerOptions<Output, Name>): TeamOptions<readonly Agent[], Output, Name> {
  return { ...options, agents: [coder], router: always, reviewer, ...(planner && { architect: planner }) }
}
