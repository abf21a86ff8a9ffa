import { readFile } from 'node:fs/promises'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { DEFAULT_LIMITS, limitsOf, type Limits } from '../../sandbox/limits.ts'
import { isAtLeast } from '../../sandbox/isolation.ts'
import type { Execution, ExecutionErrorKind, Isolation, Language, Sandbox } from '../../sandbox/sandbox.ts'
import { assertNever } from '../../util/assert-never.ts'
import type { JsonValue } from '../../util/json.ts'
import type { Command, CommandInput, FlagValues } from '../command.ts'
import { loadConfig } from '../config.ts'
import { EXIT } from '../exit-code.ts'
import { numberFlag, textFlag, usageError } from '../flags.ts'
import { note, printJson, printLine, readInput } from '../output.ts'
import { languageOf, sandboxFor } from '../sandboxes.ts'
import { CONFIG_FLAG, JSON_FLAG, LANGUAGE_FLAG, SANDBOX_FLAG } from '../shared-flags.ts'
import { errorLine, valueText, visible } from '../text.ts'

export const execCommand: Command = {
  usage: '[FILE|-]',
  about: 'Runs one piece of code in a sandbox, without a model and without tools. The code may come from standard input.',
  positionals: [0, 1],
  flags: {
    language: LANGUAGE_FLAG,
    sandbox: SANDBOX_FLAG,
    config: CONFIG_FLAG,
    'timeout-ms': { type: 'string', value: 'N', about: `CPU time of the code; default ${DEFAULT_LIMITS.timeoutMs}` },
    'memory-mb': { type: 'string', value: 'N', about: `default ${DEFAULT_LIMITS.memoryMb}` },
    json: JSON_FLAG,
  },

  async run({ positionals, flags }: CommandInput): Promise<number> {
    const language = languageOf(textFlag(flags, 'language')) ?? 'typescript'
    const limits = limitsFrom(flags)
    const code = await codeOf(positionals[0])
    const config = await loadConfig(textFlag(flags, 'config'))
    const sandbox = textFlag(flags, 'sandbox') ?? config.sandbox
    const { report, preview } = await executed(code, { language, limits, sandbox, minimumIsolation: config.minimumIsolation })
    if (flags['json']) await printJson(report)
    else await show(report, preview)
    if (report.ok) return EXIT.done
    return report.error?.kind === 'unavailable' ? EXIT.usage : EXIT.failed
  },
}

/** What `exec --json` prints. `value` is tagged JSON, null where there is none or it cannot leave the sandbox. */
interface ExecReport {
  readonly ok: boolean
  readonly value: JsonValue
  readonly output: string
  readonly error: { readonly kind: ExecutionErrorKind; readonly message: string } | null
  readonly durationMs: number
  readonly isolation: string | null
}

interface Executed {
  readonly report: ExecReport
  /** What a person is shown of a last value: JSON cannot say all of them. */
  readonly preview?: string
}

type Outcome = Pick<ExecReport, 'ok' | 'value' | 'error'>

interface ExecOptions {
  readonly language: Language
  readonly limits: Limits
  /** A name or a sandbox; undefined for the light one of the language. */
  readonly sandbox: string | Sandbox | undefined
  readonly minimumIsolation: Isolation | undefined
}

async function executed(code: string, { language, limits, sandbox: named, minimumIsolation }: ExecOptions): Promise<Executed> {
  try {
    const sandbox = await sandboxFor(language, named)
    assertIsolation(sandbox, minimumIsolation)
    return await execute(sandbox, code, language, limits)
  } catch (error) {
    if (!TroupeError.is(error, 'sandbox/unavailable')) throw error
    const fault = { kind: 'unavailable', message: error.message } as const
    return { report: { ok: false, value: null, output: '', error: fault, durationMs: 0, isolation: null } }
  }
}

/** The configuration's word holds here too: code that it keeps out of weak sandboxes is not run in one by hand. */
function assertIsolation({ name, capabilities: { isolation } }: Sandbox, minimum: Isolation | undefined): void {
  if (minimum === undefined || isAtLeast(isolation, minimum)) return
  throw new TroupeError(
    'sandbox/unavailable',
    `the configuration asks for the isolation ${minimum} or stronger, and sandbox ${name} gives ${isolation}. Name another with --sandbox: bubblewrap (namespace), container or gvisor`,
  )
}

async function execute(sandbox: Sandbox, code: string, language: Language, limits: Limits): Promise<Executed> {
  await using session = await sandbox.open({ language, limits, tools: [], context: {} })
  const { isolation } = sandbox.capabilities
  const prints: string[] = []
  const started = performance.now()
  const report = ({ ok, value, error }: Outcome, preview?: string): Executed => ({
    report: { ok, value, output: prints.join('\n'), error, durationMs: Math.round((performance.now() - started) * 10) / 10, isolation },
    ...(preview !== undefined && { preview }),
  })
  try {
    for await (const frame of session.execute(code, {
      step: 1,
      signal: new AbortController().signal,
      clock: Date.now(),
      seed: randomSeed(),
    })) {
      if (frame.type === 'print') prints.push(frame.text)
      if (frame.type === 'call')
        session.reply(frame.call, { ok: false, error: { name: 'Error', message: `there is no tool ${frame.tool} here` } })
      if (frame.type === 'end') return fromExecution(frame.execution, report)
    }
  } catch (error) {
    if (!TroupeError.is(error, 'sandbox/closed')) throw error
    return report({ ok: false, value: null, error: { kind: 'crash', message: error.message } })
  }
  return report({ ok: false, value: null, error: { kind: 'crash', message: 'the sandbox did not say how the code ended' } })
}

function fromExecution(execution: Execution, report: (outcome: Outcome, preview?: string) => Executed): Executed {
  switch (execution.type) {
    case 'value':
      return report({ ok: true, value: taggedValue(execution.value), error: null }, execution.preview)
    case 'final-answer':
      return report({ ok: true, value: taggedValue(execution.value), error: null })
    case 'error': {
      const { kind, name, message, line } = execution.error
      const where = line === undefined ? '' : ` (line ${line})`
      return report({ ok: false, value: null, error: { kind, message: `${name}: ${message}${where}` } })
    }
    default:
      return assertNever(execution)
  }
}

async function show(report: ExecReport, preview: string | undefined): Promise<void> {
  if (report.output !== '') await printLine(visible(report.output))
  if (report.error?.kind === 'unavailable') await note(errorLine(report.error.message))
  else if (report.error) await note(`${report.error.kind}: ${visible(report.error.message)}`)
  const text = preview === undefined && report.ok ? valueText(report.value) : visible(preview ?? '')
  if (text !== '') await printLine(text)
}

async function codeOf(file: string | undefined): Promise<string> {
  if (file === undefined || file === '-') {
    if (process.stdin.isTTY) throw usageError('the code is missing: name a file, or give it on standard input')
    return readInput()
  }
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new TroupeError('config/missing-file', `the code ${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** A longer time is of use only with more fuel, which is meant to be met first. */
function limitsFrom(flags: FlagValues): Limits {
  const timeoutMs = numberFlag(flags, 'timeout-ms', { min: 1 }) ?? DEFAULT_LIMITS.timeoutMs
  const memoryMb = numberFlag(flags, 'memory-mb', { min: 1 }) ?? DEFAULT_LIMITS.memoryMb
  const fuel = Math.ceil(DEFAULT_LIMITS.fuel * Math.max(1, timeoutMs / DEFAULT_LIMITS.timeoutMs))
  return limitsOf({ timeoutMs, memoryMb, fuel })
}

function taggedValue(text: string | undefined): JsonValue {
  return text === undefined ? null : (JSON.parse(text) as JsonValue)
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
}
