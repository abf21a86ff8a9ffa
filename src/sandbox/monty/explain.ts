import type { MontyRuntimeError } from '@pydantic/monty'
import { closest } from '../../schema/closest.ts'
import { FULL_PYTHON, MODULES } from './subset.ts'

/** Builtins of CPython that Monty lacks, with why or what to use. */
const ABSENT: Readonly<Record<string, string>> = {
  eval: 'write the code itself',
  exec: 'write the code itself',
  compile: 'write the code itself',
  __import__: 'there are no other modules',
  globals: 'use your variables by name',
  locals: 'use your variables by name',
  open: 'there are no files: use the tools',
  input: 'nobody can answer: use the tools',
  vars: 'use a dict',
  dir: 'use a dict',
  setattr: 'use a dict',
  delattr: 'use a dict',
  super: 'there are no classes',
  object: 'there are no classes',
  property: 'there are no classes',
  staticmethod: 'there are no classes',
  classmethod: 'there are no classes',
  format: 'use an f-string',
  bytearray: 'use bytes',
  memoryview: 'use bytes',
  complex: 'use two floats',
  breakpoint: 'use print',
  iter: 'use a list',
  help: 'use print',
}
const DENIED: ReadonlySet<string> = new Set(['eval', 'exec', 'compile', '__import__', 'globals', 'locals', 'open', 'input', 'breakpoint'])
const MAX_KEYS = 5_000

/** The message of a NameError for a function that nobody has. */
export function unknownFunction(name: string): string {
  const why = Object.hasOwn(ABSENT, name) ? ABSENT[name] : undefined
  return `name '${name}' is not defined${why === undefined ? '' : `: ${name} is not available in this Python (Monty); ${why}. ${FULL_PYTHON}`}`
}

/** The message for a construct that the interpreter refuses to parse. */
export function missingConstruct(message: string): string {
  if (message.includes('not yet supported in Monty'))
    return `${message}. Write it with an f-string of the simple kind, such as f"{x:.2f}". ${FULL_PYTHON}`
  const construct = /does not yet support (.*)$/.exec(message)?.[1]
  return construct === undefined
    ? message
    : `${construct} are not available in this Python (Monty, a subset)${hintFor(construct)}. ${FULL_PYTHON}`.replace(
        "the 'del' statement are",
        "the 'del' statement is",
      )
}

function hintFor(construct: string): string {
  if (construct.includes('class')) return ': use dicts and functions'
  if (construct.includes('yield')) return ': build and return a list instead of a generator'
  if (construct.includes('match')) return ': use if and elif'
  return construct.includes('del') ? ': use pop, or assign None' : ''
}

interface Explained {
  readonly kind: 'error' | 'denied'
  readonly message: string
}

/** An uncaught error of the model's code as the model is told of it. `keys`: names that a wrong key may have meant. */
export function explain(error: MontyRuntimeError, keys: () => Iterable<string>): Explained {
  const { typeName, message } = error.exception
  switch (typeName) {
    case 'AssertionError':
      return { kind: 'error', message: message === '' ? `assert ${failedCondition(error)}` : message }
    case 'KeyError': {
      const near = closest(message, others(message, keys()))
      return { kind: 'error', message: `'${message}'${near === undefined ? '' : `. Did you mean '${near}'?`}` }
    }
    case 'ModuleNotFoundError':
    case 'ImportError':
      return { kind: 'denied', message: `${message}: this Python (Monty) has only ${MODULES}, and the tools. ${FULL_PYTHON}` }
    case 'PermissionError':
      return { kind: 'denied', message: `${message}: there are no files, no environment and no network here. Use the tools` }
    case 'NameError':
      return { kind: DENIED.has(/^name '(\w+)'/.exec(message)?.[1] ?? '') ? 'denied' : 'error', message }
    case 'NotImplementedError':
      if (message.includes('external functions'))
        return {
          kind: 'error',
          message: `${message.split(':')[0]} cannot take a tool here: call it in a comprehension, [tool(x) for x in items]`,
        }
      return { kind: 'error', message }
    case 'RuntimeError':
      return {
        kind: message.includes('not supported in this environment') ? 'denied' : 'error',
        message: message.includes('not supported in this environment')
          ? `${message}: there are no files, no environment and no clock here. Use the tools`
          : message,
      }
    case 'AttributeError':
    case 'TypeError':
      return {
        kind: /__\w+__|^module '(?:os|sys)'|^'module' object/.test(message) ? 'denied' : 'error',
        message: `${message}${adviceFor(message)}`,
      }
    default:
      return { kind: 'error', message }
  }
}

function* others(name: string, names: Iterable<string>): Generator<string> {
  for (const other of names) if (other !== name) yield other
}

function adviceFor(message: string): string {
  if (message.includes("'str' object has no attribute 'format'") || /for %: 'str'/.test(message)) return ': use an f-string'
  if (message.includes('await')) return ': call tools without await'
  return message.startsWith('module ') ? `: this Python (Monty) has a part of it alone. ${FULL_PYTHON}` : ''
}

/** The condition of a failed `assert`, as the source has it. */
function failedCondition(error: MontyRuntimeError): string {
  const frame = error.traceback().at(-1)
  if (frame?.sourceLine === undefined) return 'failed'
  const [text = ''] = frame.sourceLine.slice(frame.endLine === frame.line ? frame.column - 1 : 0).split(/\s*#/)
  return `${text.trim()} is not true`
}

/** Keys of dicts that the code may have met: of its own literals, its context and the answers of its calls. */
export function* keysIn(codes: readonly string[], texts: readonly string[]): Generator<string> {
  let left = MAX_KEYS
  const walk = function* (value: unknown, depth: number): Generator<string> {
    if (typeof value !== 'object' || value === null || depth > 20 || left <= 0) return
    for (const [key, item] of Object.entries(value)) {
      left--
      if (!Array.isArray(value)) yield key
      yield* walk(item, depth + 1)
    }
  }
  for (const text of texts) yield* walk(JSON.parse(text), 0)
  for (const code of codes) yield* literals(code)
}

function* literals(code: string): Generator<string> {
  for (const [, double, single] of code.matchAll(/"([^"\\\n]{1,100})"|'([^'\\\n]{1,100})'/g)) yield double ?? single ?? ''
}
