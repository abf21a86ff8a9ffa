/** A flag of a command: the table of them is what is parsed and what `--help` prints. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help, such as `SECONDS`. */
  readonly value?: string
  readonly about: string
}

export type FlagValues = Readonly<Record<string, string | boolean | undefined>>

export interface CommandInput {
  readonly positionals: readonly string[]
  readonly flags: FlagValues
}

/** One command: data for parser and help, and what it does. */
export interface Command {
  /** The positional arguments as the help writes them; square brackets: may be left out. */
  readonly usage: string
  readonly about: string
  readonly flags: Readonly<Record<string, Flag>>
  /** The fewest and the most positional arguments. */
  readonly positionals: readonly [min: number, max: number]
  /** Flags of interface.md that later work brings: refused by name, never ignored. */
  readonly notBuilt?: readonly string[]
  /** Gives the exit code. */
  run(input: CommandInput): Promise<number>
}
