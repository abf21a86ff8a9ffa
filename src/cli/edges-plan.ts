import { resolve } from 'node:path'
import type { Agent, AmqpConfig } from '../index.ts'
import { treeOf, type Cast } from './agents.ts'
import { urlOf } from './broker.ts'
import type { EdgesPlan } from './edges.ts'
import { usageError } from './flags.ts'
import type { KeptAddress } from './stores.ts'

/**
 * What a worker is to do with its broker, by the configuration; null where that names nothing. `only`: names of the agents whose runs
 * the worker takes, as logs know them. Throws `config/invalid` and `config/unknown-agent`.
 */
export function edgesPlan(cast: Cast, only: readonly string[] | undefined, address: KeptAddress): EdgesPlan | null {
  const { broker } = cast
  if (!broker) return null
  const { tasks, serve, results, events } = broker.config
  if (tasks === undefined && serve === undefined && results === undefined && events === undefined) return null
  urlOf(broker)
  const serves = [...new Map((serve ?? []).map((name) => served(cast, name)).map((agent) => [agent.name, agent])).values()]
  return {
    broker,
    agents: Object.values(cast.agents),
    serves: only ? serves.filter(({ name }) => only.includes(name)) : serves,
    cursor: cursorPath(broker.config, address),
  }
}

/** A configured agent, or one that those call, such as a member of a team. */
function served(cast: Cast, name: string): Agent {
  const below = Object.hasOwn(cast.agents, name)
    ? undefined
    : Object.values(cast.agents)
        .flatMap(treeOf)
        .find((agent) => agent.name === name)
  const agent = below ?? cast.chosen(name) // Which says what names there are.
  if (agent.placement?.type === 'remote')
    throw usageError(`amqp.serve names '${name}', which runs elsewhere itself: serve it where its code is`)
  return agent
}

function cursorPath({ events }: AmqpConfig, address: KeptAddress): string | null {
  if (events === undefined) return null
  const named = events === true ? undefined : events.cursor
  if (named !== undefined) return resolve(named)
  if (address.type === 'sqlite') return `${address.path}.events`
  throw usageError("amqp.events needs a 'cursor' on a postgres:// store: a file of the one worker that publishes")
}
