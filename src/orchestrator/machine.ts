import { TroupeError } from '../errors/troupe-error.ts'

/** `live`: something may still happen; `waiting`: for a person, and then back to where it came from; `final`: nothing happens any more. */
export type StateKind = 'live' | 'waiting' | 'final'

/** One row of a transition table. */
export interface Transition {
  /** A state, or `*` for every live one and every waiting one. */
  readonly from: string
  readonly event: string
  /** A name that the caller knows how to answer; a row whose guard says no is passed over. */
  readonly guard?: string
  /** How often rows of this name may be taken in all; a row that is spent is passed over. */
  readonly cap?: string
  /** A state, or `<back>`: where the machine stood before it began to wait. */
  readonly to: string
}

/** A state machine as plain data. Of the rows that fit a state and an event, the first that is open is taken. */
export interface Machine {
  readonly name: string
  readonly initial: string
  readonly states: Readonly<Record<string, StateKind>>
  readonly transitions: readonly Transition[]
}

/** Where a machine stands: plain data, made anew by each step. */
export interface Place {
  readonly state: string
  /** Where a machine that waits came from. */
  readonly from?: string
  /** How often the rows of each cap have been taken. */
  readonly taken: Readonly<Record<string, number>>
}

/** What a step is decided by. */
export interface Rules {
  readonly caps: Readonly<Record<string, number>>
  guard?(name: string): boolean
}

export const BACK = '<back>'
export const ANY = '*'

export function startOf({ initial }: Machine): Place {
  return { state: initial, taken: {} }
}

export function isFinal({ states }: Machine, { state }: Place): boolean {
  return states[state] === 'final'
}

/** The rows that a state has for an event, `*` last. */
export function rowsFor(machine: Machine, state: string, event: string): readonly Transition[] {
  const own = machine.transitions.filter((row) => row.from === state && row.event === event)
  if (machine.states[state] === 'final') return own
  return [...own, ...machine.transitions.filter((row) => row.from === ANY && row.event === event)]
}

/** Where the machine stands after an event, or null where the event means nothing there. Pure. */
export function next(machine: Machine, place: Place, event: string, rules: Rules): Place | null {
  const row = rowsFor(machine, place.state, event).find((one) => isOpen(one, place, rules))
  if (!row) return null
  const taken = row.cap === undefined ? place.taken : { ...place.taken, [row.cap]: (place.taken[row.cap] ?? 0) + 1 }
  const state = row.to === BACK ? place.from : row.to
  if (state === undefined)
    throw new TroupeError('internal/unreachable', `machine ${machine.name} waits in '${place.state}' and came from nowhere`)
  const kind = machine.states[state]
  if (kind === undefined) throw new TroupeError('internal/unreachable', `machine ${machine.name} has no state '${state}'`)
  if (kind !== 'waiting') return { state, taken }
  return { state, from: place.from ?? place.state, taken }
}

function isOpen({ cap, guard }: Transition, { taken }: Place, rules: Rules): boolean {
  if (cap !== undefined && (taken[cap] ?? 0) >= (rules.caps[cap] ?? 0)) return false
  return guard === undefined || rules.guard?.(guard) === true
}
