import { describe, expect, it } from 'vitest'
import { mermaidOf } from './diagram.ts'
import { next, startOf, type Machine, type Place } from './machine.ts'
import { RUN_MACHINE } from './run-machine.ts'
import { TASK_MACHINE } from './task-machine.ts'
import { arrowsOf, faultsOf } from './walk.ts'
import { xstateOf } from './xstate.ts'

const CAPS = { rounds: 5, plans: 3, answers: 3, replans: 4, waits: 10, attempts: 3, handOvers: 2, investigations: 2 }

describe.each([RUN_MACHINE, TASK_MACHINE])('the table of the $name', (machine) => {
  it('reaches every state, ends from everywhere, and has a cap in every cycle', () => {
    expect(faultsOf(machine)).toEqual([])
  })

  it('loses that when a cap is taken away', () => {
    const without = (cap: string): Machine => ({
      ...machine,
      transitions: machine.transitions.map(({ cap: own, ...row }) => (own === undefined || own === cap ? row : { ...row, cap: own })),
    })
    const caps = new Set(machine.transitions.flatMap(({ cap }) => (cap === undefined ? [] : [cap])))
    const all: Machine = { ...machine, transitions: machine.transitions.map(({ cap: _, ...row }) => row) }
    expect(faultsOf(all).some((fault) => fault.includes('no cap bounds'))).toBe(true)
    for (const cap of ['plans', 'waits', 'handOvers']) if (caps.has(cap)) expect(faultsOf(without(cap)), cap).not.toEqual([])
  })

  it('names a state that cannot be reached', () => {
    const lonely: Machine = { ...machine, states: { ...machine.states, island: 'live' } }
    expect(faultsOf(lonely)).toEqual(["'island' cannot be reached"])
  })

  it('is bounded: any walk of any events ends', () => {
    const events = [...new Set(machine.transitions.map(({ event }) => event))].filter(
      (event) => !['limit', 'fail', 'cancel', 'abandon'].includes(event),
    )
    let seed = 7
    const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below
    for (let walk = 0; walk < 200; walk++) {
      let place: Place = startOf(machine)
      let steps = 0
      for (let tries = 0; tries < 20_000 && machine.states[place.state] !== 'final'; tries++) {
        const to = next(machine, place, events[random(events.length)] ?? '', { caps: CAPS })
        if (to) [place, steps] = [to, steps + 1]
      }
      expect(machine.states[place.state]).toBe('final')
      expect(steps).toBeLessThan(200)
    }
  })

  it('is drawn as Mermaid and given as an XState definition, with every arrow in it', async () => {
    await expect(`${mermaidOf(machine)}\n`).toMatchFileSnapshot(`snapshots/${machine.name}.mmd`)
    const { states } = xstateOf(machine) as { states: Record<string, { on?: Record<string, { target: string }[]>; type?: string }> }
    for (const { from, to, row } of arrowsOf(machine)) {
      expect(states[from]?.on?.[row.event]?.map(({ target }) => target)).toContain(to)
    }
    for (const [state, kind] of Object.entries(machine.states)) expect(states[state]?.type === 'final').toBe(kind === 'final')
  })
})

describe('a step of a machine', () => {
  it('takes the first row that is open, and the one below it when its cap is spent', () => {
    const validating: Place = { state: 'validating', taken: { attempts: 2 } }
    expect(next(TASK_MACHINE, validating, 'defect', { caps: CAPS })).toEqual({ state: 'running', taken: { attempts: 3 } })
    expect(next(TASK_MACHINE, { ...validating, taken: { attempts: 3 } }, 'defect', { caps: CAPS })?.state).toBe('rejected')
  })

  it('waits from any live state and goes back to where it came from', () => {
    const waiting = next(RUN_MACHINE, { state: 'working', taken: {} }, 'ask', { caps: CAPS })
    expect(waiting).toEqual({ state: 'waiting', from: 'working', taken: { waits: 1 } })
    expect(waiting && next(RUN_MACHINE, waiting, 'answered', { caps: CAPS })?.state).toBe('working')
  })

  it('says null to an event that means nothing there, in an end to every one', () => {
    expect(next(RUN_MACHINE, startOf(RUN_MACHINE), 'all-done', { caps: CAPS })).toBeNull()
    expect(next(TASK_MACHINE, { state: 'done', taken: {} }, 'abandon', { caps: CAPS })).toBeNull()
  })

  it('asks guards by name', () => {
    const guarded: Machine = {
      name: 'door',
      initial: 'shut',
      states: { shut: 'live', open: 'final' },
      transitions: [{ from: 'shut', event: 'push', guard: 'unlocked', to: 'open' }],
    }
    expect(next(guarded, startOf(guarded), 'push', { caps: {}, guard: () => false })).toBeNull()
    expect(next(guarded, startOf(guarded), 'push', { caps: {}, guard: (name) => name === 'unlocked' })?.state).toBe('open')
  })
})
