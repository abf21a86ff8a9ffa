import { COMMANDS } from './commands.ts'
import type { Command } from './command.ts'
import { table } from './text.ts'

export function generalHelp(version: string): string {
  const rows = Object.entries(COMMANDS).map(([name, { about }]) => [`  troupe ${name}`, about])
  return `troupe ${version}: teams of AI agents that act by writing code

${table(rows).join('\n')}

troupe COMMAND --help tells the flags of a command.
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 limit, 4 waiting, 130 cancelled, 143 stopped (resumable).
`
}

export function commandHelp(name: string, { usage, about, flags }: Command): string {
  const rows = Object.entries(flags).map(([flag, { value, about }]) => [`  --${flag}${value === undefined ? '' : ` ${value}`}`, about])
  const list = rows.length === 0 ? '' : `\n${table(rows).join('\n')}\n`
  return `troupe ${name}${usage === '' ? '' : ` ${usage}`}\n${about}\n${list}`
}
