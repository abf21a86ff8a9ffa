import type { ExecutionError } from '../sandbox.ts'
import { type LogicalLine, scan, type Token } from './scan.ts'

export interface PrepareOptions {
  /** Names that no code may take, with what they are. */
  readonly fixedNames: ReadonlyMap<string, string>
  readonly sourceLimits: boolean
  readonly sourceChecks: boolean
}

const MAX_LENGTH = 262_144
const SECTIONS: ReadonlySet<string> = new Set(['elif', 'else', 'except', 'finally'])

/**
 * What is wrong with a step's code that the interpreter itself would let pass: a name of a tool that is overwritten, a
 * `return` that would end the whole session, a decorator, which Monty ignores. Null when nothing is.
 */
export function faultOf(code: string, { fixedNames, sourceLimits, sourceChecks }: PrepareOptions): ExecutionError | null {
  if (sourceLimits && code.length > MAX_LENGTH)
    return syntax(
      `the code has ${code.length} characters; at most ${MAX_LENGTH} are accepted. Split it into steps, or read data through tools`,
      1,
    )
  if (!sourceChecks) return null
  /** Indents of the functions that are open around a line. */
  const functions: number[] = []
  for (const logical of scan(code)) {
    while (functions.length > 0 && logical.indent <= (functions.at(-1) as number)) functions.pop()
    const fault = faultIn(logical, functions.length > 0, fixedNames)
    if (fault !== null) return fault
    const [first, second] = logical.tokens
    if (first?.text === 'def' || (first?.text === 'async' && second?.text === 'def')) functions.push(logical.indent)
  }
  return null
}

function faultIn({ tokens }: LogicalLine, isInFunction: boolean, fixedNames: ReadonlyMap<string, string>): ExecutionError | null {
  const [first] = tokens
  if (first === undefined) return null
  if (first.text === '@') return syntax('decorators are not available in this Python (Monty): call the function yourself', first.line)
  const isFunction = tokens.slice(0, 2).some(({ text }) => text === 'def')
  const isReturn = (token: Token): boolean => token.type === 'name' && token.text === 'return'
  const away = isInFunction || isFunction ? undefined : tokens.find(isReturn)
  if (away !== undefined) return syntax("'return' outside function", away.line)
  for (const name of boundNames(tokens, isInFunction)) {
    const what = fixedNames.get(name.text)
    if (what !== undefined)
      return {
        kind: 'denied',
        name: 'TypeError',
        message: `Cannot overwrite '${name.text}': it is ${what}. Choose another name`,
        line: name.line,
      }
  }
  return null
}

/** The names that a logical line binds in the module; in a function, only `global` reaches it. */
function* boundNames(tokens: readonly Token[], isInFunction: boolean): Generator<Token> {
  for (const statement of simpleStatements(tokens)) {
    const [first] = statement
    if (first === undefined) continue
    if (isInFunction) {
      if (first.text === 'global') yield* statement.slice(1)
      continue
    }
    const header = first.text === 'async' ? statement.slice(1) : statement
    const keyword = header[0]?.text ?? ''
    if (keyword === 'def' || keyword === 'class') {
      if (header[1]) yield header[1]
      continue
    }
    if (keyword === 'import' || keyword === 'from') {
      yield* importedNames(header)
      continue
    }
    if (keyword === 'for')
      yield* targets(
        header.slice(
          1,
          header.findIndex(({ text, depth }) => text === 'in' && depth === 0),
        ),
      )
    for (const [at, token] of header.entries()) {
      if (token.text === 'as' && (keyword === 'with' || keyword === 'except')) yield* targets(header.slice(at + 1, at + 2))
      if (token.text === ':=' && at > 0) yield header[at - 1] as Token
    }
    yield* assigned(header)
  }
}

/** What stands before each `=` of an assignment, before its annotation, or before `+=` and the like. */
function* assigned(statement: readonly Token[]): Generator<Token> {
  let from = 0
  for (const [at, { text, depth, type }] of statement.entries()) {
    if (depth > 0 || type !== 'sign') continue
    if (text === ':') {
      // An annotation, unless the line is a header such as `if x:`: then what follows is a statement of its own.
      if (at === 1) yield* targets(statement.slice(0, 1))
      from = at + 1
    } else if (text === '=' || /^(?:\*\*|\/\/|>>|<<|[-+*/%@&|^])=$/.test(text)) {
      yield* targets(statement.slice(from, at))
      from = at + 1
    }
  }
}

/** Names in a list of targets that are bound themselves, not reached through: `a` and `b` in `a, (b, c.d, e[f])`. */
function* targets(tokens: readonly Token[]): Generator<Token> {
  let skipBelow = Infinity
  for (const [at, token] of tokens.entries()) {
    const [before, after] = [tokens[at - 1], tokens[at + 1]]
    if (token.depth < skipBelow) skipBelow = Infinity
    const opens = token.text === '[' || token.text === '('
    if (opens && before !== undefined && (before.type === 'name' || before.text === ')' || before.text === ']'))
      skipBelow = Math.min(skipBelow, token.depth + 1)
    if (token.type !== 'name' || token.depth >= skipBelow || before?.text === '.') continue
    if (after?.text === '.' || after?.text === '(' || after?.text === '[') continue
    yield token
  }
}

function* importedNames(tokens: readonly Token[]): Generator<Token> {
  const start = tokens[0]?.text === 'from' ? tokens.findIndex(({ text }) => text === 'import') + 1 : 1
  for (let at = start; at > 0 && at < tokens.length; at++) {
    const [token, after] = [tokens[at] as Token, tokens[at + 1]]
    if (token.type === 'name' && token.text !== 'as' && after?.text !== 'as' && tokens[at - 1]?.text !== '.') yield token
  }
}

function simpleStatements(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [[]]
  for (const token of tokens) {
    if (token.text === ';' && token.depth === 0) statements.push([])
    else statements.at(-1)?.push(token)
  }
  return statements
}

/**
 * The part of a failed step's code that stays in its session: the statements before the one that failed, and that one
 * with its failure swallowed, so that what it did before it failed is done again. `line`: any line of that statement.
 */
export function keptOf(code: string, line: number): string {
  const lines = scan(code)
  const isTop = ({ indent, tokens }: LogicalLine): boolean => indent === 0 && !SECTIONS.has(tokens[0]?.text ?? '')
  const from = lines.findLastIndex((logical) => logical.line <= line && isTop(logical))
  const first = lines[from]
  if (first === undefined) return ''
  const next = lines.findIndex((logical, at) => at > from && isTop(logical))
  const failed = lines.slice(from, next < 0 ? undefined : next)
  const end = next < 0 ? code.length : (lines[next]?.start ?? code.length)
  const body = failed.map(({ start }, at) => ` ${code.slice(start, failed[at + 1]?.start ?? end)}`).join('')
  return `${code.slice(0, first.start)}try:\n${body.trimEnd()}\nexcept BaseException:\n pass\n`
}

function syntax(message: string, line: number): ExecutionError {
  return { kind: 'syntax', name: 'SyntaxError', message, line }
}
