import { ANY, BACK, type Machine, type Transition } from './machine.ts'

/** An arrow from one state to another, `*` and `<back>` resolved. */
export interface Arrow {
  readonly from: string
  readonly to: string
  readonly row: Transition
}

/** Every arrow that the table of a machine stands for. */
export function arrowsOf({ states, transitions }: Machine): readonly Arrow[] {
  const open = Object.keys(states).filter((state) => states[state] !== 'final')
  const live = open.filter((state) => states[state] === 'live')
  return transitions.flatMap((row) => {
    const sources = row.from === ANY ? open : [row.from]
    const targets = row.to === BACK ? live : [row.to]
    return sources.flatMap((from) => targets.map((to) => ({ from, to, row })))
  })
}

/** What is wrong with a machine's table; empty when it is sound. */
export function faultsOf(machine: Machine): readonly string[] {
  const arrows = arrowsOf(machine)
  return [...unknownStates(machine, arrows), ...unreachable(machine, arrows), ...deadEnds(machine, arrows), ...endless(machine, arrows)]
}

function unknownStates({ states }: Machine, arrows: readonly Arrow[]): readonly string[] {
  const named = new Set(arrows.flatMap(({ from, to }) => [from, to]))
  return [...named].filter((state) => states[state] === undefined).map((state) => `'${state}' is no state`)
}

function unreachable({ initial, states }: Machine, arrows: readonly Arrow[]): readonly string[] {
  // A way back leads only to where the machine has been: it makes nothing reachable.
  const ways = arrows.filter(({ row }) => row.to !== BACK)
  const seen = reach([initial], (state) => ways.filter(({ from }) => from === state).map(({ to }) => to))
  return Object.keys(states)
    .filter((state) => !seen.has(state))
    .map((state) => `'${state}' cannot be reached`)
}

/** A state that is not final and from which no final one can be reached. */
function deadEnds({ states }: Machine, arrows: readonly Arrow[]): readonly string[] {
  const ends = Object.keys(states).filter((state) => states[state] === 'final')
  const seen = reach(ends, (state) => arrows.filter(({ to }) => to === state).map(({ from }) => from))
  return Object.keys(states)
    .filter((state) => !seen.has(state))
    .map((state) => `'${state}' leads to no end`)
}

/** Cycles in which no arrow is counted: without the capped arrows, no state may lead back to itself. */
function endless({ states }: Machine, arrows: readonly Arrow[]): readonly string[] {
  const free = arrows.filter(({ row }) => row.cap === undefined)
  const after = (state: string): readonly string[] => free.filter(({ from }) => from === state).map(({ to }) => to)
  return Object.keys(states)
    .filter((state) => reach(after(state), after).has(state))
    .map((state) => `'${state}' is in a cycle that no cap bounds`)
}

function reach(from: readonly string[], after: (state: string) => readonly string[]): ReadonlySet<string> {
  const seen = new Set(from)
  for (const state of seen) for (const one of after(state)) seen.add(one)
  return seen
}
