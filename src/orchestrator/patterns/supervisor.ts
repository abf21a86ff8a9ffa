import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent } from '../../agent/agent.ts'
import type { Role, Route, TeamOptions } from '../options.ts'
import type { RouterView } from '../views.ts'
import type { PatternOptions } from './pattern.ts'

export interface SupervisorOptions<Output extends StandardSchemaV1 | undefined, Name extends string> extends PatternOptions<Output, Name> {
  /** Each may hand the goal on to another, with what it has so far. */
  readonly members: readonly Agent[]
  /** Picks who begins. Default: the team's model. */
  readonly router?: Role<RouterView, Route>
}

/** One supervisor picks a member; members hand over to each other until one has the answer. */
export function supervisorTeam<Output extends StandardSchemaV1 | undefined, Name extends string>({
  members,
  router,
  ...options
}: SupervisorOptions<Output, Name>): TeamOptions<readonly Agent[], Output, Name> {
  return {
    evidence: 'optional',
    ...options,
    agents: members,
    ...(router && { router }),
    // Where the router asks for a plan, or the member has failed, one task goes to the first member that has not failed yet.
    architect: ({ goal, tasks }) => {
      const failed = new Set(tasks.map(({ owner }) => owner))
      const owner = members.find(({ name }) => !failed.has(name))?.name
      if (owner === undefined || tasks.some(({ status }) => status === 'done')) return { done: true }
      const inputs = Object.keys(goal.context).map((key) => `context.${key}`)
      const task = {
        id: `goal_${tasks.length + 1}`,
        owner,
        objective: goal.task,
        inputs,
        covers: goal.criteria,
        criteria: goal.criteria,
        produces: ['answer'],
      }
      return tasks.length === 0 ? { tasks: [task] } : { add: [task] }
    },
  }
}
