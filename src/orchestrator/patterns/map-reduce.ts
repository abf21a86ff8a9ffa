import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent } from '../../agent/agent.ts'
import type { JsonValue } from '../../util/json.ts'
import type { Planning, TeamOptions } from '../options.ts'
import type { PlannedTask } from '../plan.ts'
import type { ArchitectView, GoalView } from '../views.ts'
import { always, eachOnce, type PatternOptions } from './pattern.ts'

export interface MapReduceOptions<Output extends StandardSchemaV1 | undefined, Name extends string> extends PatternOptions<Output, Name> {
  /** Takes one item, handed to it as `given`. */
  readonly map: Agent
  /** Makes the answer of what all items gave. */
  readonly reduce: Agent
  /** The items of a goal. Default: the list `items` of the run's context. */
  readonly items?: (goal: GoalView) => readonly JsonValue[]
}

/** Each item is a task of its own, all at once up to `maxParallel`; what fails is left out of the answer and named to who writes it. */
export function mapReduceTeam<Output extends StandardSchemaV1 | undefined, Name extends string>({
  map,
  reduce,
  items = itemsIn,
  ...options
}: MapReduceOptions<Output, Name>): TeamOptions<readonly Agent[], Output, Name> {
  return {
    evidence: 'optional',
    ...options,
    agents: eachOnce([map, reduce]),
    router: always,
    architect: (view) => plan(view, map.name, reduce.name, items),
  }
}

function itemsIn({ context }: GoalView): readonly JsonValue[] {
  const items = context['items']
  return Array.isArray(items) ? items : []
}

function plan({ goal, tasks }: ArchitectView, map: string, reduce: string, items: (goal: GoalView) => readonly JsonValue[]): Planning {
  if (tasks.length === 0) {
    const mapped = items(goal).map((given, i): PlannedTask => ({ id: `item_${i + 1}`, owner: map, objective: goal.task, given }))
    return {
      tasks: [
        ...mapped,
        reduceTask(
          'reduce',
          mapped.map(({ id }) => id),
        ),
      ],
    }
  }
  const done = tasks.filter(({ id, status }) => id.startsWith('item_') && status === 'done').map(({ id }) => id)
  const missing = tasks
    .filter(({ id, status }) => id.startsWith('item_') && status !== 'done')
    .map(({ id, defects }) => `${id}: ${defects.at(-1) ?? 'not done'}`)
  const isReduced = tasks.some(({ id, status }) => id.startsWith('reduce') && status !== 'abandoned')
  if (done.length === 0 || isReduced) return { done: true }
  return { add: [reduceTask(`reduce_${tasks.length}`, done, missing)] }

  function reduceTask(id: string, inputs: readonly string[], without: readonly string[] = []): PlannedTask {
    const gaps = without.length === 0 ? '' : `\nThese items gave nothing; say so: ${without.join('; ')}`
    const covers = goal.criteria
    return {
      id,
      owner: reduce,
      objective: `Put the outputs of all items together: ${goal.task}${gaps}`,
      inputs,
      covers,
      criteria: covers,
      produces: ['answer'],
    }
  }
}
