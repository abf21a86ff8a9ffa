import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Agent, Check, OutputOf } from '../../agent/agent.ts'
import type { TeamOptions } from '../options.ts'

type Settled =
  | 'agents'
  | 'architect'
  | 'router'
  | 'reviewer'
  | 'investigator'
  | 'synthesizer'
  | 'skills'
  | 'memberCaps'
  | 'checks'
  | 'output'

/** What every pattern takes besides its own parts: the options of a team that it does not settle itself. */
export interface PatternOptions<Output extends StandardSchemaV1 | undefined, Name extends string> extends Omit<
  TeamOptions<readonly Agent[], Output, Name>,
  Settled
> {
  readonly output?: Output
  readonly checks?: readonly Check<OutputOf<Output>>[]
}

/** Each agent once, as one may play several parts. */
export function eachOnce(agents: readonly Agent[]): readonly Agent[] {
  return [...new Map(agents.map((agent) => [agent.name, agent])).values()]
}

/** The router of a pattern: its parts are always needed. */
export function always(): { readonly type: 'delegate'; readonly why: string } {
  return { type: 'delegate', why: 'the pattern says who does what' }
}
