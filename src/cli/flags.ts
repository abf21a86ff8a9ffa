import { parseArgs } from 'node:util'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { closest } from '../schema/closest.ts'
import type { JsonValue } from '../util/json.ts'
import type { Command, CommandInput, FlagValues } from './command.ts'

/** A fault of the command line: one line on stderr, exit code 2. */
export function usageError(message: string): TroupeError {
  return new TroupeError('config/invalid', message)
}

/** What interface.md names and no work has brought yet. */
export function notBuilt(what: string): TroupeError {
  return usageError(`${what} is not built yet`)
}

/** Parses the arguments of a command by its table. Throws `config/invalid` for what the table does not have. */
export function parseFlags(name: string, command: Command, args: readonly string[]): CommandInput {
  const { tokens } = parseArgs({ args: [...args], options: typesOf(command), strict: false, allowPositionals: true, tokens: true })
  const flags: Record<string, string | boolean> = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = command.flags[token.name]
    if (!flag) throw unknownFlag(name, command, token.rawName)
    if (flag.type === 'boolean') {
      if (token.value !== undefined) throw usageError(`${token.rawName} takes no value`)
      flags[token.name] = true
    } else {
      flags[token.name] = valueOf(token)
    }
  }
  checkCount(name, command, positionals)
  return { positionals, flags }
}

export function textFlag(flags: FlagValues, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** A number of at least `min`; whole unless `fraction`. */
export function numberFlag(
  flags: FlagValues,
  name: string,
  { min, fraction = false }: { min: number; fraction?: boolean },
): number | undefined {
  const text = textFlag(flags, name)
  if (text === undefined) return undefined
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= Number.MAX_SAFE_INTEGER && (fraction || Number.isInteger(value))) return value
  throw usageError(`--${name} must be a ${fraction ? '' : 'whole '}number from ${min}, not "${text}"`)
}

/** A duration given in seconds, in milliseconds. */
export function secondsFlag(flags: FlagValues, name: string): number | undefined {
  const seconds = numberFlag(flags, name, { min: 0, fraction: true })
  return seconds === undefined ? undefined : seconds * 1000
}

/** Names parted by commas. */
export function listFlag(flags: FlagValues, name: string): readonly string[] | undefined {
  const names = textFlag(flags, name)
    ?.split(',')
    .map((part) => part.trim())
  if (names?.includes('')) throw usageError(`--${name} must be names parted by commas, not "${textFlag(flags, name)}"`)
  return names
}

export function parseJson(text: string, what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    throw usageError(`${what} is no JSON: ${messageOf(error)}`)
  }
}

function typesOf(command: Command): Record<string, { type: 'string' | 'boolean' }> {
  return Object.fromEntries(Object.entries(command.flags).map(([name, { type }]) => [name, { type }]))
}

function valueOf({
  rawName,
  value,
  inlineValue,
}: {
  rawName: string
  value: string | undefined
  inlineValue: boolean | undefined
}): string {
  if (value === undefined || value === '') throw usageError(`${rawName} needs a value`)
  if (!inlineValue && value.startsWith('-') && value !== '-') {
    throw usageError(`${rawName} needs a value; write ${rawName}=${value} where it begins with a dash`)
  }
  return value
}

function unknownFlag(name: string, command: Command, rawName: string): TroupeError {
  const bare = rawName.replace(/^-+/, '')
  if (command.notBuilt?.includes(bare)) return notBuilt(`${rawName} of \`troupe ${name}\``)
  const meant = bare.length > 1 ? closest(bare, Object.keys(command.flags)) : undefined
  return usageError(`unknown flag ${rawName}${meant === undefined ? '' : `, did you mean --${meant}?`}; see \`troupe ${name} --help\``)
}

function checkCount(name: string, command: Command, positionals: readonly string[]): void {
  const [min, max] = command.positionals
  if (positionals.length < min) throw usageError(`an argument is missing: troupe ${name} ${command.usage}`)
  if (positionals.length > max) {
    const quote = name === 'run' ? ' (quote a task of several words)' : ''
    throw usageError(`"${positionals[max]}" is one argument too many: troupe ${name} ${command.usage}${quote}`)
  }
}
