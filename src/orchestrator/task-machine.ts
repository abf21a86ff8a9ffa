import { ANY, type Machine } from './machine.ts'

export type TaskStatus = 'pending' | 'running' | 'validating' | 'investigating' | 'done' | 'rejected' | 'abandoned'

/** What can happen to a task. */
export type TaskEventName =
  | 'start'
  | 'result'
  | 'fault'
  | 'hand-over'
  | 'ok'
  | 'defect'
  | 'anomaly'
  | 'repeated'
  | 'explained'
  | 'dropped'
  | 'abandon'

/** A task of a plan. `attempts` counts runs of its owner, `handOvers` changes of it, `investigations` anomalies looked into. */
export const TASK_MACHINE: Machine = {
  name: 'task',
  initial: 'pending',
  states: {
    pending: 'live',
    running: 'live',
    validating: 'live',
    investigating: 'live',
    done: 'final',
    rejected: 'final',
    abandoned: 'final',
  } satisfies Record<TaskStatus, Machine['states'][string]>,
  transitions: [
    { from: 'pending', event: 'start', to: 'running', cap: 'attempts' },
    { from: 'pending', event: 'start', to: 'rejected' },

    { from: 'running', event: 'result', to: 'validating' },
    { from: 'running', event: 'fault', to: 'running', cap: 'attempts' },
    { from: 'running', event: 'fault', to: 'rejected' },
    { from: 'running', event: 'hand-over', to: 'running', cap: 'handOvers' },
    { from: 'running', event: 'hand-over', to: 'rejected' },

    { from: 'validating', event: 'ok', to: 'done' },
    { from: 'validating', event: 'defect', to: 'running', cap: 'attempts' },
    { from: 'validating', event: 'defect', to: 'rejected' },
    { from: 'validating', event: 'repeated', to: 'rejected' },
    { from: 'validating', event: 'anomaly', to: 'investigating', cap: 'investigations' },
    { from: 'validating', event: 'anomaly', to: 'rejected' },

    { from: 'investigating', event: 'explained', to: 'running', cap: 'attempts' },
    { from: 'investigating', event: 'explained', to: 'rejected' },
    { from: 'investigating', event: 'dropped', to: 'abandoned' },

    { from: ANY, event: 'abandon', to: 'abandoned' },
  ],
}
