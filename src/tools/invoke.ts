import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { closest } from '../schema/closest.ts'
import { describeIssues } from '../schema/describe-issues.ts'
import { jsonSchemaOf } from '../schema/json-schema.ts'
import { type Issue, parse } from '../schema/parse.ts'
import { resolveShape } from '../schema/shape.ts'
import { shapeOf } from '../schema/read-shape.ts'
import { toolSignature, type ToolLanguage } from './declare.ts'
import type { AnyTool, ToolContext } from './tool.ts'

/** Longest time a timer can have; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647

/** Milliseconds that a tool may take when neither it nor the caller says. */
export const DEFAULT_TOOL_TIMEOUT_MS = 60_000

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
  const issues = [...(result.ok ? [] : result.issues.filter(issue => !isAboutKeys(issue, strangers))), ...strangers]
  throw new TroupeError(
    'tool/arguments',
    `${tool.name}: the arguments do not fit.\n${describeIssues(issues, { value, schema: tool.input })}\nSignature: ${toolSignature(tool, language)}`,
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
  throw new TroupeError('tool/output', `${tool.name} ran, but what it gave does not fit its own output schema; the tool is at fault, not the arguments.\n${describeIssues(result.issues)}`, {
    details: { tool: tool.name, issues: result.issues.map(({ path, message }) => ({ path, message })) },
  })
}

function bounded(tool: AnyTool, input: unknown, { signal, idempotencyKey, timeoutMs = tool.timeoutMs ?? DEFAULT_TOOL_TIMEOUT_MS }: RunToolOptions): Promise<unknown> {
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
  start(tool, input, { signal: inner.signal, idempotencyKey }).then(resolve, error => reject(failed(tool, error)))
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
  if (TroupeError.is(error) && (error.code.startsWith('engine/') || error.code === 'tool/failed' || error.code === 'tool/timeout')) return error
  const code = TroupeError.is(error) ? { code: error.code } : {}
  return new TroupeError('tool/failed', `${tool.name} failed: ${messageOf(error)}`, { details: { tool: tool.name, ...code }, cause: error })
}

function timedOut(tool: AnyTool, timeoutMs: number): TroupeError {
  const note = tool.effect === 'read' || tool.effect === 'idempotent' ? 'It may be tried again, with less to do' : 'It may have had its effect: look before you try again'
  return new TroupeError('tool/timeout', `${tool.name} gave no answer within ${timeoutMs} ms. ${note}`, { details: { tool: tool.name, timeoutMs } })
}

function cancelled(tool: AnyTool, signal: AbortSignal): TroupeError {
  return new TroupeError('run/cancelled', `${tool.name} was stopped because the run was cancelled`, { details: { tool: tool.name }, cause: signal.reason })
}

const closedKeys = new WeakMap<AnyTool, readonly string[] | null>()

/** Top-level keys that the schema does not name, as issues; none for a schema that is open or is not one object. */
function unknownKeys(tool: AnyTool, value: unknown): readonly Issue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  let known = closedKeys.get(tool)
  if (known === undefined) closedKeys.set(tool, (known = namedKeys(tool)))
  const names = known
  if (names === null) return []
  return Object.keys(value).flatMap(key => (names.includes(key) ? [] : [{ path: [key], message: stranger(key, names, value) }]))
}

function namedKeys(tool: AnyTool): readonly string[] | null {
  const document = shapeOf(jsonSchemaOf(tool.input, 'input', 'code'))
  const root = resolveShape(document, document.root)
  return root.type === 'object' && root.rest === null ? root.properties.map(property => property.name) : null
}

function stranger(key: string, names: readonly string[], value: object): string {
  const near = closest(key, names.filter(name => !Object.hasOwn(value, name)))
  return near === undefined ? 'there is no such key' : `there is no such key; did you mean '${near}'?`
}

/** What a strict schema says about the same keys, in its own words. */
function isAboutKeys(issue: Issue, strangers: readonly Issue[]): boolean {
  return strangers.some(({ path: [key] }) => (issue.path.length === 0 && /unrecognized|unknown|undeclared/i.test(issue.message) && issue.message.includes(String(key))) || (issue.path.length === 1 && issue.path[0] === key))
}
