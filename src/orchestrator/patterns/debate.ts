import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent } from '../../agent/agent.ts'
import type { TeamOptions } from '../options.ts'
import type { PlannedTask } from '../plan.ts'
import type { ArchitectView } from '../views.ts'
import { always, eachOnce, type PatternOptions } from './pattern.ts'

export interface DebateOptions<Output extends StandardSchemaV1 | undefined, Name extends string> extends PatternOptions<Output, Name> {
  /** Two or more; in each round after the first, each sees what all have said in the one before. */
  readonly debaters: readonly Agent[]
  /** Decides, having seen the last round. */
  readonly judge: Agent
  /** Default 2. */
  readonly debateRounds?: number
}

/** Several answer the same question, read each other and answer again; a judge decides. */
export function debateTeam<Output extends StandardSchemaV1 | undefined, Name extends string>({
  debaters,
  judge,
  debateRounds = 2,
  ...options
}: DebateOptions<Output, Name>): TeamOptions<readonly Agent[], Output, Name> {
  return {
    evidence: 'optional',
    ...options,
    agents: eachOnce([...debaters, judge]),
    router: always,
    architect: ({ goal, tasks }) =>
      tasks.length > 0
        ? { done: true }
        : {
            tasks: plan(
              goal,
              debaters.map(({ name }) => name),
              judge.name,
              debateRounds,
            ),
          },
  }
}

function plan(goal: ArchitectView['goal'], debaters: readonly string[], judge: string, rounds: number): readonly PlannedTask[] {
  const context = Object.keys(goal.context).map((key) => `context.${key}`)
  const idOf = (round: number, debater: number): string => `round_${round}_${debater + 1}`
  const said = Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) =>
    debaters.map((owner, debater): PlannedTask => ({
      id: idOf(round, debater),
      owner,
      objective:
        round === 1 ? goal.task : `${goal.task}\nRead what all have said, and answer again: defend what stands, and give up what does not.`,
      inputs: round === 1 ? context : [...context, ...debaters.map((_, other) => idOf(round - 1, other))],
    })),
  )
  const verdict: PlannedTask = {
    id: 'verdict',
    owner: judge,
    objective: `Decide, having read the debate, and say why: ${goal.task}`,
    inputs: [...context, ...debaters.map((_, debater) => idOf(rounds, debater))],
    covers: goal.criteria,
    criteria: goal.criteria,
    produces: ['answer'],
  }
  return [...said, verdict]
}
