import { ANY, BACK, type Machine } from './machine.ts'

export type RunState =
  | 'routing'
  | 'planning'
  | 'working'
  | 'replanning'
  | 'synthesizing'
  | 'reviewing'
  | 'waiting'
  | 'done'
  | 'limit'
  | 'failed'
  | 'cancelled'

/** What can happen to a run. */
export type RunEventName =
  | 'direct'
  | 'delegate'
  | 'plan-accepted'
  | 'plan-refused'
  | 'nothing-left'
  | 'all-done'
  | 'stuck'
  | 'answer'
  | 'no-answer'
  | 'accepted'
  | 'refused'
  | 'ask'
  | 'answered'
  | 'limit'
  | 'fail'
  | 'cancel'

/**
 * A run. Where a row with a cap is spent, the row below it is taken: so a run that goes in circles ends in `limit`.
 * `rounds` counts plans that are carried out, `replans` times that another one is asked for, `plans` those that code refused, `answers` attempts to
 * write an answer, `waits` questions to people.
 */
export const RUN_MACHINE: Machine = {
  name: 'run',
  initial: 'routing',
  states: {
    routing: 'live',
    planning: 'live',
    working: 'live',
    replanning: 'live',
    synthesizing: 'live',
    reviewing: 'live',
    waiting: 'waiting',
    done: 'final',
    limit: 'final',
    failed: 'final',
    cancelled: 'final',
  } satisfies Record<RunState, Machine['states'][string]>,
  transitions: [
    { from: 'routing', event: 'direct', to: 'reviewing' },
    { from: 'routing', event: 'delegate', to: 'planning' },

    { from: 'planning', event: 'plan-accepted', to: 'working', cap: 'rounds' },
    { from: 'planning', event: 'plan-accepted', to: 'limit' },
    { from: 'planning', event: 'plan-refused', to: 'planning', cap: 'plans' },
    { from: 'planning', event: 'plan-refused', to: 'limit' },

    { from: 'working', event: 'all-done', to: 'synthesizing' },
    { from: 'working', event: 'stuck', to: 'replanning', cap: 'replans' },
    { from: 'working', event: 'stuck', to: 'limit' },

    { from: 'replanning', event: 'plan-accepted', to: 'working', cap: 'rounds' },
    { from: 'replanning', event: 'plan-accepted', to: 'limit' },
    { from: 'replanning', event: 'plan-refused', to: 'replanning', cap: 'plans' },
    { from: 'replanning', event: 'plan-refused', to: 'limit' },
    { from: 'replanning', event: 'nothing-left', to: 'synthesizing', cap: 'answers' },
    { from: 'replanning', event: 'nothing-left', to: 'limit' },

    { from: 'synthesizing', event: 'answer', to: 'reviewing' },
    { from: 'synthesizing', event: 'no-answer', to: 'synthesizing', cap: 'answers' },
    { from: 'synthesizing', event: 'no-answer', to: 'limit' },

    { from: 'reviewing', event: 'accepted', to: 'done' },
    { from: 'reviewing', event: 'refused', to: 'replanning', cap: 'replans' },
    { from: 'reviewing', event: 'refused', to: 'limit' },

    { from: ANY, event: 'ask', to: 'waiting', cap: 'waits' },
    { from: ANY, event: 'ask', to: 'limit' },
    { from: 'waiting', event: 'answered', to: BACK },
    { from: ANY, event: 'limit', to: 'limit' },
    { from: ANY, event: 'fail', to: 'failed' },
    { from: ANY, event: 'cancel', to: 'cancelled' },
  ],
}
