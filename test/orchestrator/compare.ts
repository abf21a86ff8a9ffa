import { memory } from '../../src/engine/memory/memory.ts'
import type { Agent } from '../../src/agent/agent.ts'
import type { AgentHost } from '../../src/agent/create-agent.ts'
import type { RunEvent } from '../../src/client/event.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import { openRuntime, type team } from '../../src/index.ts'
import { ALL_TEAM_DEFENCES, type TeamDefences } from '../../src/orchestrator/defences.ts'
import { teamWith } from '../../src/orchestrator/team.ts'
import { ended } from './support.ts'

/** How a run of a team went. */
export interface Told {
  readonly status: string
  readonly output: unknown
  /** Of its error, if it ended with one. */
  readonly message: string
  /** Why plans were refused, one text each. */
  readonly refusedPlans: readonly string[]
  /** Why results were turned down, one text each. */
  readonly turnedDown: readonly string[]
  /** Tasks in the order in which they were given to their owners, attempts each. */
  readonly assigned: readonly string[]
  /** Runs of agents other than the team. */
  readonly agentsRun: number
}

/** Runs the same team twice: with all defences, and with one of them switched off. Nothing else differs. */
export async function compared(
  defence: keyof TeamDefences,
  build: (make: typeof team) => Agent,
): Promise<{ readonly on: Told; readonly off: Told }> {
  return {
    on: await told(build(makerWith(ALL_TEAM_DEFENCES))),
    off: await told(build(makerWith({ ...ALL_TEAM_DEFENCES, [defence]: false }))),
  }
}

/** Runs an agent to its end. */
export async function told(agent: Agent): Promise<Told> {
  await using runtime = await openRuntime({ engine: memory(), agents: [agent] })
  const run = runtime.run(agent, 'Reach the goal.')
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  const { status, output, message } = await ended(run)
  return {
    status,
    output,
    message,
    refusedPlans: events.flatMap((event) =>
      event.type === 'state' && event.task === undefined && /^(planning|replanning)$/.test(event.from) && event.to === event.from
        ? [event.why]
        : [],
    ),
    turnedDown: events.flatMap((event) => (event.type === 'task-rejected' ? [event.reasons.join('\n')] : [])),
    assigned: events.flatMap((event) => (event.type === 'task-assigned' ? [event.task] : [])),
    agentsRun: events.filter(({ type }) => type === 'agent-start').length,
  }
}

function makerWith(defences: TeamDefences): typeof team {
  return (options) => teamWith(defences, NO_HOST, options)
}

/** Teams here run on a runtime of their own, and have no code of their own to run. */
const NO_HOST: AgentHost = {
  runtime: () => {
    throw new TroupeError('internal/unreachable', 'this team is run by a runtime')
  },
  sandbox: () => {
    throw new TroupeError('internal/unreachable', 'a team runs no code')
  },
}
