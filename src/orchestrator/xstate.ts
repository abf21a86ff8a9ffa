import type { JsonObject } from '../util/json.ts'
import { ANY, BACK, rowsFor, type Machine, type Transition } from './machine.ts'

/**
 * A machine as an XState v5 definition, so that its tools open it (https://stately.ai/docs/machines): plain JSON, with
 * guards by name. `under <cap>` is true while the cap has room; a waiting state's way back is a guarded row for each
 * state that it may have come from. Hand it to `setup({ guards }).createMachine(…)`.
 */
export function xstateOf(machine: Machine): JsonObject {
  const states = Object.entries(machine.states).map(([state, kind]) => [
    state,
    kind === 'final' ? { type: 'final' } : { on: eventsOf(machine, state) },
  ])
  return { id: machine.name, initial: machine.initial, states: Object.fromEntries(states) as JsonObject }
}

function eventsOf(machine: Machine, state: string): JsonObject {
  const events = new Set(machine.transitions.filter(({ from }) => from === state || from === ANY).map(({ event }) => event))
  return Object.fromEntries([...events].map((event) => [event, rowsFor(machine, state, event).flatMap((row) => targetsOf(machine, row))]))
}

function targetsOf({ states }: Machine, row: Transition): readonly JsonObject[] {
  const guard = [row.guard, row.cap === undefined ? undefined : `under ${row.cap}`].filter((one) => one !== undefined).join(' and ')
  if (row.to !== BACK) return [{ target: row.to, ...(guard !== '' && { guard }) }]
  const live = Object.keys(states).filter((state) => states[state] === 'live')
  return live.map((state) => ({ target: state, guard: `came from ${state}` }))
}
