import type { ModuleDeclaration, Options, Pattern, Program, Statement } from 'acorn'
import type { ExecutionError } from './sandbox.ts'

export type Prepared =
  | {
      readonly type: 'ready'
      readonly js: string
      /** The line of the model's code for a line of `js`. */ readonly lineOf: (line: number) => number
    }
  | { readonly type: 'refused'; readonly error: ExecutionError }
  /** The type stripper of this thread has crashed and stays broken: nothing more can be prepared here. */
  | { readonly type: 'broken'; readonly error: ExecutionError }

export interface PrepareOptions {
  /** Names that no top-level declaration may take, with what they are. */
  readonly fixedNames: ReadonlyMap<string, string>
  readonly sourceLimits: boolean
}

export type Prepare = (source: string, options: PrepareOptions) => Prepared

interface SourceMapText {
  readonly file: string
  readonly version: number
  readonly sources: string[]
  readonly sourcesContent: string[]
  readonly names: string[]
  readonly mappings: string
  readonly sourceRoot: string
}

/** What a preparer takes from Node and from acorn: it runs in guests too, which load these themselves. */
export interface PrepareParts {
  strip(source: string, options: { mode: 'strip' | 'transform'; sourceMap?: boolean }): string
  readonly SourceMap: new (map: SourceMapText) => { findEntry(line: number, column: number): object }
  parse(source: string, options: Options): Program
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

interface Stripped {
  readonly js: string
  readonly lineOf: (line: number) => number
}

/**
 * Makes the function that turns one step of the model's TypeScript into a script for the guest, with every line where it was.
 *
 * Types are stripped. Top-level `const`, `let` and `class` become `var`, so that they live on in later steps and may be
 * declared again. `export` is dropped, `import` is refused. The last statement is awaited when it is an expression, so
 * that `main()` is waited for, and gives the value of the step; after any other last statement the value is undefined.
 *
 * Guests run the source text of this very function: it refers to nothing outside itself.
 */
export function createPrepare({ strip: stripTypes, SourceMap, parse }: PrepareParts): Prepare {
  const MAX_LENGTH = 1_048_576
  /** Deeper nesting crashes the type stripper at about 1,600 levels, and it does not recover. */
  const MAX_NESTING = 500

  function prepare(source: string, options: PrepareOptions): Prepared {
    if (options.sourceLimits) {
      if (source.length > MAX_LENGTH)
        return refused(
          `the code has ${source.length} characters; at most ${MAX_LENGTH} are accepted. Split it into steps, or read data through tools`,
        )
      const line = tooDeep(source)
      if (line !== null) return refused(`the code is nested more than ${MAX_NESTING} brackets deep`, line)
    }
    let stripped: Stripped
    try {
      stripped = strip(source)
    } catch (thrown) {
      return thrown instanceof SyntaxError
        ? refused(thrown.message, lineOfStripError(thrown))
        : { type: 'broken', error: syntaxError('the code is nested too deep or too long for the parser') }
    }
    try {
      const program = parse(stripped.js, { ecmaVersion: 'latest', sourceType: 'module', allowAwaitOutsideFunction: true })
      const edits: Edit[] = []
      for (const node of program.body) {
        const refusal = rewrite(node, edits, options.fixedNames, (at) => stripped.lineOf(lineAt(stripped.js, at)))
        if (refusal !== null) return { type: 'refused', error: refusal }
      }
      const deleted = /\bdelete\b/.test(stripped.js) ? deletedName(program, options.fixedNames) : null
      if (deleted !== null)
        return {
          type: 'refused',
          error: overwrites(deleted.name, options.fixedNames, stripped.lineOf(lineAt(stripped.js, deleted.at))),
        }
      rewriteLast(program, stripped.js, edits)
      return { type: 'ready', js: apply(stripped.js, edits), lineOf: stripped.lineOf }
    } catch (thrown) {
      const line = (thrown as { loc?: { line: number } }).loc?.line
      return refused((thrown as Error).message.replace(/ \(\d+:\d+\)$/, ''), line === undefined ? undefined : stripped.lineOf(line))
    }
  }

  /** Throws a SyntaxError for code that does not parse, another error when the stripper itself has crashed. */
  function strip(source: string): Stripped {
    try {
      return { js: stripTypes(source, { mode: 'strip' }), lineOf: (line) => line }
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw thrown
    }
    // Enums and parameter properties need code of their own, which moves lines: the source map says from where.
    const text = stripTypes(source, { mode: 'transform', sourceMap: true })
    const at = text.lastIndexOf('\n//# sourceMappingURL=')
    const map = new SourceMap(
      JSON.parse(
        new TextDecoder().decode(Uint8Array.from(atob(text.slice(text.indexOf('base64,', at) + 7)), (byte) => byte.charCodeAt(0))),
      ),
    )
    return {
      js: text.slice(0, at),
      lineOf(line) {
        const entry = map.findEntry(line - 1, 999)
        return 'originalLine' in entry ? Number(entry.originalLine) + 1 : line
      },
    }
  }

  function rewrite(
    node: Statement | ModuleDeclaration,
    edits: Edit[],
    fixedNames: ReadonlyMap<string, string>,
    lineOf: (at: number) => number,
  ): ExecutionError | null {
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
        return {
          kind: 'denied',
          name: 'ImportError',
          message: `import is not available: there are no modules here. ${useTools(fixedNames)}`,
          line: lineOf(node.start),
        }
      case 'ExportNamedDeclaration':
        if (node.source)
          return {
            kind: 'denied',
            name: 'ImportError',
            message: `export … from is not available: there are no modules here. ${useTools(fixedNames)}`,
            line: lineOf(node.start),
          }
        if (!node.declaration) {
          edits.push({ start: node.start, end: node.end, text: '' })
          return null
        }
        edits.push({ start: node.start, end: node.declaration.start, text: '' })
        return rewrite(node.declaration, edits, fixedNames, lineOf)
      case 'ExportDefaultDeclaration': {
        const { declaration } = node
        const isNamed = (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') && declaration.id
        edits.push({ start: node.start, end: declaration.start, text: isNamed ? '' : 'void ' })
        return isNamed ? rewrite(declaration as Statement, edits, fixedNames, lineOf) : null
      }
      case 'VariableDeclaration': {
        if (node.kind === 'const' || node.kind === 'let') edits.push({ start: node.start, end: node.start + node.kind.length, text: 'var' })
        for (const { id, init, end } of node.declarations) {
          // A declaration without a value means a fresh variable in a new step too.
          if (node.kind === 'let' && !init) edits.push({ start: end, end, text: '=undefined' })
          const clash = fixedNameIn(id, fixedNames)
          if (clash !== null) return overwrites(clash, fixedNames, lineOf(id.start))
        }
        return null
      }
      case 'FunctionDeclaration':
        return fixedNames.has(node.id.name) ? overwrites(node.id.name, fixedNames, lineOf(node.start)) : null
      case 'ClassDeclaration':
        if (fixedNames.has(node.id.name)) return overwrites(node.id.name, fixedNames, lineOf(node.start))
        edits.push({ start: node.start, end: node.start, text: `var ${node.id.name}=` }, { start: node.end, end: node.end, text: ';' })
        return null
      default:
        return null
    }
  }

  /** The value of a step is its last statement's, when that is an expression. */
  function rewriteLast({ body }: Program, js: string, edits: Edit[]): void {
    const last = body.at(-1)
    if (last === undefined) return
    if (last.type !== 'ExpressionStatement') {
      edits.push({ start: last.end, end: last.end, text: ';void 0' })
      return
    }
    if (last.expression.type === 'AwaitExpression') return
    // The statement's own end is used, not the expression's: parentheses around it belong to the statement.
    const end = js[last.end - 1] === ';' ? last.end - 1 : last.end
    edits.push({ start: last.start, end: last.start, text: 'await (' }, { start: end, end, text: ')' })
  }

  function apply(js: string, edits: readonly Edit[]): string {
    const ordered = edits.map((edit, index) => ({ ...edit, index })).toSorted((a, b) => b.start - a.start || b.index - a.index)
    let text = js
    for (const { start, end, text: inserted } of ordered) text = text.slice(0, start) + inserted + text.slice(end)
    return text
  }

  function fixedNameIn(pattern: Pattern, fixedNames: ReadonlyMap<string, string>): string | null {
    switch (pattern.type) {
      case 'Identifier':
        return fixedNames.has(pattern.name) ? pattern.name : null
      case 'ArrayPattern':
        return firstOf(pattern.elements, (element) => (element ? fixedNameIn(element, fixedNames) : null))
      case 'ObjectPattern':
        return firstOf(pattern.properties, (property) =>
          fixedNameIn(property.type === 'Property' ? property.value : property.argument, fixedNames),
        )
      case 'AssignmentPattern':
        return fixedNameIn(pattern.left, fixedNames)
      case 'RestElement':
        return fixedNameIn(pattern.argument, fixedNames)
      default:
        return null
    }
  }

  /** A `delete globalThis.name` or `delete tools.name` of a name that stays: the engine's own error does not say which. */
  function deletedName(node: object, fixedNames: ReadonlyMap<string, string>): { readonly name: string; readonly at: number } | null {
    const { type, operator, argument, start } = node as { type?: string; operator?: string; argument?: unknown; start?: number }
    if (type === 'UnaryExpression' && operator === 'delete') {
      const { object, property, computed } = Object(argument) as { object?: object; property?: object; computed?: boolean }
      const owner = (Object(object) as { name?: string }).name
      const { name, value } = Object(property) as { name?: string; value?: unknown }
      const key = computed === true ? value : name
      if ((owner === 'globalThis' || owner === 'tools') && typeof key === 'string' && fixedNames.has(key))
        return { name: key, at: start ?? 0 }
    }
    for (const child of Object.values(node)) {
      if (typeof child !== 'object' || child === null) continue
      const found = deletedName(child as object, fixedNames)
      if (found !== null) return found
    }
    return null
  }

  function firstOf<T>(items: readonly T[], find: (item: T) => string | null): string | null {
    for (const item of items) {
      const found = find(item)
      if (found !== null) return found
    }
    return null
  }

  function overwrites(name: string, fixedNames: ReadonlyMap<string, string>, line: number): ExecutionError {
    return {
      kind: 'denied',
      name: 'TypeError',
      message: `Cannot overwrite '${name}': it is ${fixedNames.get(name)}. Choose another name`,
      line,
    }
  }

  function useTools(fixedNames: ReadonlyMap<string, string>): string {
    const names = [...fixedNames].filter(([, what]) => what === 'a tool').map(([name]) => name)
    return names.length === 0 ? 'Use what the language has' : `Use the tools: ${names.slice(0, 40).join(', ')}`
  }

  /** The line on which brackets first nest too deep, counted naively, strings included. */
  function tooDeep(source: string): number | null {
    let depth = 0
    for (let i = 0; i < source.length; i++) {
      const code = source.charCodeAt(i)
      if (code === 40 || code === 91 || code === 123) {
        if (++depth > MAX_NESTING) return lineAt(source, i)
      } else if ((code === 41 || code === 93 || code === 125) && depth > 0) depth--
    }
    return null
  }

  function lineAt(text: string, at: number): number {
    let line = 1
    for (let i = text.indexOf('\n'); i !== -1 && i < at; i = text.indexOf('\n', i + 1)) line++
    return line
  }

  /** Node puts the line before the stack: `:2` or `file:2` and then the source line. */
  function lineOfStripError(error: Error): number | undefined {
    const line = /^[^\n]*:(\d+)\n/.exec(error.stack ?? '')?.[1]
    return line === undefined ? undefined : Number(line)
  }

  function refused(message: string, line?: number): Prepared {
    return { type: 'refused', error: syntaxError(message, line) }
  }

  function syntaxError(message: string, line?: number): ExecutionError {
    return { kind: 'syntax', name: 'SyntaxError', message, ...(line !== undefined && { line }) }
  }

  return prepare
}
