import type { Placement } from '../engine/context.ts'
import type { Agent } from './agent.ts'

/**
 * The same agent, run by any worker of the store when another agent calls it: the caller parks meanwhile and holds no slot.
 * Every worker that is to take it must know it. Run by itself it is what it was.
 */
export function queued<Output, Name extends string>(agent: Agent<Output, Name>): Agent<Output, Name> {
  return placed(agent, { type: 'queue' })
}

/** The same agent, run where `placement` says when another agent calls it. */
function placed<Output, Name extends string>(agent: Agent<Output, Name>, placement: Placement): Agent<Output, Name> {
  return { ...agent, placement, withDefaults: (defaults) => placed(agent.withDefaults(defaults), placement) }
}
