import { type MontyOptions, type MontySandbox, montyWith } from './create.ts'
import { ALL_DEFENCES } from './protocol.ts'

export type { MontyOptions, MontySandbox }

/**
 * A subset of Python in Monty, an interpreter written in Rust, in child processes: no file, no network, no clock, no
 * chance. Needs the package `@pydantic/monty`, pinned. The first `open` starts a process (about 100 ms); later ones are free.
 *
 * A session is the list of its blocks: each step runs them all, calls of earlier ones answered from the session's record.
 * A step that failed stays up to its failing statement; one that met a limit of time or memory ends its session.
 */
export function monty(options: MontyOptions = {}): MontySandbox {
  return montyWith(ALL_DEFENCES, options)
}
