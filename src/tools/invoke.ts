import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { describeIssues } from '../schema/describe-issues.ts'
import { parse } from '../schema/parse.ts'
import { toolSignature, type ToolLanguage } from './declare.ts'
import type { AnyTool, ToolContext } from './tool.ts'
import { isAboutKeys, unknownKeys } from './unknown-keys.ts'

/** Longest time a timer can have; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647

/** Milliseconds that a tool may take when neither it nor the caller says. */
const DEFAULT_TIMEOUT_MS = 60_000

export interface RunToolOptions {
  /** Cancels the call: it rejects with `run/cancelled` at once, whatever the tool does. */
  readonly signal: AbortSignal
  readonly idempotencyKey: string
  /** Wins over the tool's own `timeoutMs`; default 60,000. */
  readonly timeoutMs?: number
  /** Whose syntax signatures in messages have; default TypeScript. */
  readonly language?: ToolLanguage
}

/**
 * Calls a tool with what a model wrote: arguments checked, run, output checked. Rejects with `tool/arguments`,
 * `tool/failed`, `tool/timeout`, `tool/output` or `run/cancelled`. Approval is not its business: see `needsApproval`.
 */
export async function invokeTool(tool: AnyTool, value: unknown, options: RunToolOptions): Promise<unknown> {
  return runTool(tool, await parseArguments(tool, value, options.language), options)
}

/**
 * The arguments as `run` gets them, defaults filled in. Keys that the schema does not name are refused even where the
 * library would drop them: a misspelt optional key would otherwise count as absent. Nothing at all counts as `{}`. Throws `tool/arguments`.
 */
export async function parseArguments(tool: AnyTool, given: unknown, language: ToolLanguage = 'typescript'): Promise<unknown> {
  const value = given ?? {}
  const strangers = unknownKeys(tool, value)
  const result = await parse(tool.input, value)
  if (result.ok && strangers.length === 0) return result.value
  const issues = [...(result.ok ? [] : result.issues.filter((issue) => !isAboutKeys(issue, strangers))), ...strangers]
  throw new TroupeError(
    'tool/arguments',
    `${tool.name}: the arguments do not fit.\n${describeIssues(issues)}\nSignature: ${toolSignature(tool, language)}`,
    { details: { tool: tool.name, issues: issues.map(({ path, message }) => ({ path, message })) } },
  )
}

/**
 * Runs a tool on parsed arguments and checks what it gives. Ends at the timeout or the abort even when `run` ignores
 * its signal; `run` itself may then still go on, and its end is ignored. Throws `tool/failed`, `tool/timeout`,
 * `tool/output`, `run/cancelled`; errors of the engine pass unchanged, as they are nobody's answer.
 */
export async function runTool(tool: AnyTool, input: unknown, options: RunToolOptions): Promise<unknown> {
  const output = await bounded(tool, input, options)
  if (tool.output === undefined) return output
  const result = await parse(tool.output, output)
  if (result.ok) return result.value
  throw new TroupeError(
    'tool/output',
    `${tool.name} ran, but what it gave does not fit its own output schema; the tool is at fault, not the arguments.\n${describeIssues(result.issues)}`,
    {
      details: { tool: tool.name, issues: result.issues.map(({ path, message }) => ({ path, message })) },
    },
  )
}

function bounded(
  tool: AnyTool,
  input: unknown,
  { signal, idempotencyKey, timeoutMs = tool.timeoutMs ?? DEFAULT_TIMEOUT_MS }: RunToolOptions,
): Promise<unknown> {
  if (signal.aborted) return Promise.reject(cancelled(tool, signal))
  const inner = new AbortController()
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  // Rejecting before aborting: a tool that throws on abort must not win with its own error.
  const stop = (error: TroupeError): void => {
    reject(error)
    inner.abort(error)
  }
  const onAbort = (): void => stop(cancelled(tool, signal))
  const timer = setTimeout(() => stop(timedOut(tool, timeoutMs)), Math.min(timeoutMs, LONGEST_TIMER_MS))
  signal.addEventListener('abort', onAbort, { once: true })
  start(tool, input, { signal: inner.signal, idempotencyKey }).then(resolve, (error) => reject(failed(tool, error)))
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  })
}

async function start(tool: AnyTool, input: unknown, context: ToolContext): Promise<unknown> {
  // The one place that calls a tool of unknown types: the input has passed the schema that `run` has its type from.
  return (tool.run as (input: unknown, context: ToolContext) => unknown)(input, context)
}

function failed(tool: AnyTool, error: unknown): TroupeError {
  if (TroupeError.is(error) && (error.code.startsWith('engine/') || error.code === 'tool/failed' || error.code === 'tool/timeout'))
    return error
  if (TroupeError.is(error, 'tool/output'))
    return new TroupeError('tool/output', `${tool.name}: ${error.message}`, { details: { tool: tool.name }, cause: error })
  const code = TroupeError.is(error) ? { code: error.code } : {}
  return new TroupeError('tool/failed', `${tool.name} failed: ${messageOf(error)}`, { details: { tool: tool.name, ...code }, cause: error })
}

function timedOut(tool: AnyTool, timeoutMs: number): TroupeError {
  const note =
    tool.effect === 'read' || tool.effect === 'idempotent'
      ? 'It may be tried again, with less to do'
      : 'It may have had its effect: look before you try again'
  return new TroupeError('tool/timeout', `${tool.name} gave no answer within ${timeoutMs} ms. ${note}`, {
    details: { tool: tool.name, timeoutMs },
  })
}

function cancelled(tool: AnyTool, signal: AbortSignal): TroupeError {
  return new TroupeError('run/cancelled', `${tool.name} was stopped because the run was cancelled`, {
    details: { tool: tool.name },
    cause: signal.reason,
  })
}
