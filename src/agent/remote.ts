import type { Placement } from '../engine/context.ts'
import { remoteAgent } from '../engine/remote-agent.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Agent } from './agent.ts'

/**
 * Names an agent that runs elsewhere, behind a broker, for `agents: [...]` of a configuration: `amqp` of the configuration says
 * where, or `withDefaults({ remote })`. Opens nothing. Throws `config/invalid` for a name or a description that is none.
 */
export function remote<const Name extends string = string, Output = unknown>(name: Name, description: string): Agent<Output, Name> {
  return named(name, description)
}

/** The first placement that is given stays, as with all defaults. */
function named<Output, Name extends string>(name: Name, description: string, placement?: Placement): Agent<Output, Name> {
  const agent: Agent<Output, Name> = {
    ...remoteAgent<Output>({ name, description }, placement ?? nowhere(name)),
    name,
    withDefaults: (defaults) => (placement === undefined && defaults.remote ? named(name, description, defaults.remote) : agent),
  }
  return agent
}

/** Whether it was named by `remote`, and nothing has said where it runs. */
export function isNowhere({ placement }: Pick<Agent, 'placement'>): boolean {
  return placement !== undefined && NOWHERE.has(placement)
}

const NOWHERE = new WeakSet<Placement>()

function nowhere(name: string): Placement {
  const placement: Placement = {
    type: 'remote',
    send: async () => {
      throw nowhereError(name)
    },
  }
  NOWHERE.add(placement)
  return placement
}

export function nowhereError(name: string): TroupeError {
  return new TroupeError(
    'config/invalid',
    `agent '${name}' runs elsewhere, and nothing says where: in the configuration amqp needs a store, and a url or TROUPE_AMQP_URL`,
  )
}
