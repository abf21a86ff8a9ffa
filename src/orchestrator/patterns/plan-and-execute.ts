import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent } from '../../agent/agent.ts'
import type { Planning, Role, TeamOptions } from '../options.ts'
import type { ArchitectView } from '../views.ts'
import { always, type PatternOptions } from './pattern.ts'

export interface PlanAndExecuteOptions<Output extends StandardSchemaV1 | undefined, Name extends string> extends PatternOptions<
  Output,
  Name
> {
  /** Makes the plan, and a new one whenever a task cannot be done or the answer is refused. Default: the team's model. */
  readonly planner?: Role<ArchitectView, Planning>
  /** Who does the tasks. */
  readonly executors: readonly Agent[]
}

/** A plan is made, carried out step by step, and changed by what comes of it. */
export function planAndExecuteTeam<Output extends StandardSchemaV1 | undefined, Name extends string>({
  planner,
  executors,
  ...options
}: PlanAndExecuteOptions<Output, Name>): TeamOptions<readonly Agent[], Output, Name> {
  return { ...options, agents: executors, router: always, ...(planner && { architect: planner }) }
}
