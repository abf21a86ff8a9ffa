import { TroupeError } from '../errors/troupe-error.ts'
import { closest } from '../schema/closest.ts'
import { pythonName } from '../schema/python-name.ts'
import { checkNames, type GuestName } from './names.ts'
import type { AnyTool } from './tool.ts'

/** The tools of one agent. */
export interface Toolset {
  /** As given. */
  readonly tools: readonly AnyTool[]
  /** By name, and by snake_case name where that differs. */
  readonly byName: ReadonlyMap<string, AnyTool>
}

export interface ToolsetOptions {
  /** Names that are taken beside the tools: managed agents and keys of `context`. */
  readonly reserved?: readonly GuestName[]
}

/** Tools by name for both languages. Throws `tool/name-clash`, naming both, when two names meet in either language. */
export function toolset(tools: readonly AnyTool[], options: ToolsetOptions = {}): Toolset {
  checkNames([...tools.map(({ name }): GuestName => ({ name, kind: 'tool' })), ...(options.reserved ?? [])])
  const byName = new Map<string, AnyTool>()
  for (const one of tools) byName.set(one.name, one).set(pythonName(one.name), one)
  return { tools, byName }
}

/** The tool of that name in either language's spelling. Throws `tool/not-found`, with the names there are and the one most like it. */
export function findTool(set: Toolset, name: string): AnyTool {
  const found = set.byName.get(name)
  if (found) return found
  throw unknownTool(
    name,
    set.tools.map((one) => one.name),
  )
}

/** The error for a name that is neither a tool nor an agent; `names` is all that could have been called. */
export function unknownTool(name: string, names: readonly string[]): TroupeError {
  const near = closest(name, names)
  const list = names.length === 0 ? 'there are no tools' : `available: ${names.join(', ')}`
  return new TroupeError('tool/not-found', `there is no tool '${name}'${near === undefined ? '' : `; did you mean '${near}'?`} (${list})`, {
    details: { tool: name, available: names, ...(near !== undefined && { suggestion: near }) },
  })
}
