import { ANY, BACK, type Machine, type Transition } from './machine.ts'
import { RUN_MACHINE } from './run-machine.ts'
import { TASK_MACHINE } from './task-machine.ts'

/** A machine as a Mermaid state diagram. Arrows from every open state are one note, not a bundle of lines. */
export function mermaidOf(machine: Machine): string {
  const finals = Object.keys(machine.states).filter((state) => machine.states[state] === 'final')
  const lines = [
    'stateDiagram-v2',
    `  [*] --> ${machine.initial}`,
    ...machine.transitions
      .filter(({ from, to }) => from !== ANY && to !== BACK)
      .map((row) => `  ${row.from} --> ${row.to}: ${labelOf(row)}`),
    ...finals.map((state) => `  ${state} --> [*]`),
  ]
  const anywhere = machine.transitions.filter(({ from, to }) => from === ANY || to === BACK)
  if (anywhere.length === 0) return lines.join('\n')
  const notes = anywhere.map(
    (row) =>
      `    ${row.from === ANY ? 'any open state' : row.from} to ${row.to === BACK ? 'where it came from' : row.to} on ${labelOf(row)}`,
  )
  return [...lines, `  note right of ${machine.initial}`, ...notes, '  end note'].join('\n')
}

/** The two machines that every team runs by, as Mermaid diagrams. */
export function teamDiagrams(): { readonly run: string; readonly task: string } {
  return { run: mermaidOf(RUN_MACHINE), task: mermaidOf(TASK_MACHINE) }
}

function labelOf({ event, guard, cap }: Transition): string {
  return `${event}${guard === undefined ? '' : ` [${guard}]`}${cap === undefined ? '' : ` [under ${cap}]`}`
}
