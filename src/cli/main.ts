import { readFileSync } from 'node:fs'
import { TroupeError } from '../errors/troupe-error.ts'
import { COMMANDS, groupOf, LATER } from './commands.ts'
import type { Command } from './command.ts'
import { EXIT, exitCodeOfError } from './exit-code.ts'
import { notBuilt, parseFlags, usageError } from './flags.ts'
import { commandHelp, generalHelp } from './help.ts'
import { flushOutput, note, print, printLine } from './output.ts'
import { closest } from '../schema/closest.ts'
import { errorLine } from './text.ts'

/**
 * The command line: runs one command and ends the process with its exit code once all output has left it. Handles that
 * a configuration has opened (a pool, a timer) would keep the process alive, so it does not wait for them.
 */
export async function main(args: readonly string[]): Promise<void> {
  const code = await runCommand(args)
  await flushOutput()
  process.exit(code)
}

async function runCommand(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args)
  } catch (error) {
    await note(errorLine(error))
    if (!TroupeError.is(error) && error instanceof Error && error.stack !== undefined) await note(error.stack)
    return exitCodeOfError(error)
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [first, second] = args
  if (first === undefined) {
    await note(`troupe: no command; see \`troupe --help\``)
    return EXIT.usage
  }
  if (first === '--version' || first === '-V') {
    await printLine(packageVersion())
    return EXIT.done
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    await print(generalHelp(packageVersion()))
    return EXIT.done
  }
  const { name, rest } = find(first, second, args)
  const load = COMMANDS[name]
  if (!load) throw unknownCommand(first, second)
  const command = await load.open()
  if (asksForHelp(rest)) {
    await print(commandHelp(name, command))
    return EXIT.done
  }
  return runParsed(name, command, rest)
}

async function runParsed(name: string, command: Command, args: readonly string[]): Promise<number> {
  return command.run(parseFlags(name, command, args))
}

/** `runs show` is two words, `run` is one. */
function find(first: string, second: string | undefined, args: readonly string[]): { name: string; rest: readonly string[] } {
  if (Object.hasOwn(COMMANDS, first)) return { name: first, rest: args.slice(1) }
  return { name: `${first} ${second ?? ''}`.trimEnd(), rest: args.slice(2) }
}

function unknownCommand(first: string, second: string | undefined): TroupeError {
  const parts = groupOf(first)
  if (LATER.has(first) || LATER.has(`${first} ${second}`)) return notBuilt(`\`troupe ${LATER.has(first) ? first : `${first} ${second}`}\``)
  if (parts.length > 0)
    return usageError(`troupe ${first} needs one of ${parts.join(', ')}${second === undefined ? '' : `, not "${second}"`}`)
  if (first.startsWith('-')) return usageError(`the command comes first, not ${first}; see \`troupe --help\``)
  const names = Object.keys(COMMANDS).map((name) => name.split(' ')[0] ?? name)
  const meant = closest(first, new Set(names))
  return usageError(`unknown command "${first}"${meant === undefined ? '' : `, did you mean ${meant}?`}; see \`troupe --help\``)
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
