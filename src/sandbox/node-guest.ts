import type { Node, Program, VariableDeclaration } from 'acorn'
import { guestSource, type Guest, type GuestDefences, type GuestTurn } from './javascript-guest.ts'
import type { Mark } from './guest-wire.ts'
import { createPrepare, type Prepare, type PrepareParts } from './prepare-typescript.ts'

/** Reads the source of the runner from descriptor 3, its first line, and runs it. What `node -e` is given. */
export const NODE_BOOT: string = `
const fs = require('node:fs')
let rest = Buffer.alloc(0)
const chunk = Buffer.alloc(65536)
function receive() {
  const parts = [rest]
  let at = rest.indexOf(10)
  while (at < 0) {
    let n = 0
    try { n = fs.readSync(3, chunk) } catch (error) { if (error.code !== 'EAGAIN') process.exit(0); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); continue }
    if (n === 0) process.exit(0)
    const got = Buffer.from(chunk.subarray(0, n))
    parts.push(got)
    at = got.indexOf(10)
    if (at >= 0) at += parts.slice(0, -1).reduce((sum, part) => sum + part.length, 0)
  }
  const all = parts.length === 1 ? rest : Buffer.concat(parts)
  rest = all.subarray(at + 1)
  return JSON.parse(all.subarray(0, at).toString())
}
new (require('node:vm').Script)(receive().source, { filename: 'troupe-guest.js' }).runInThisContext()(receive, process, Buffer)
`

/** The first line for `NODE_BOOT`. `acorn`: the text of acorn's CommonJS build, which the host has and a root tree may lack. */
export function nodeGuestSource(acorn: string, defences: GuestDefences): string {
  const acornText = `((module, exports) => { ${acorn}\n; return module.exports })`
  return JSON.stringify({
    source: `(receive, process, Buffer) => { const __name = (f) => f; const module = { exports: {} }; (${String(runGuest)})(receive, process, Buffer, ${acornText}(module, module.exports), ${String(createPrepare)}, ${String(splitScript)}, ${JSON.stringify(guestSource(defences))}) }`,
  })
}

interface Acorn {
  readonly parse: PrepareParts['parse']
}

interface Setup {
  readonly tools: readonly { readonly name: string }[]
}

type Command =
  | { readonly type: 'setup'; readonly setup: Setup }
  | {
      readonly type: 'execute'
      readonly step: number
      readonly code: string
      readonly clock: number
      readonly seed: number
      readonly mark: Mark
    }
  | { readonly type: 'reply'; readonly call: number; readonly ok: boolean; readonly text: string }

/** Runs in Node inside the isolation, from its source text. Reads and writes block: what the model's code can use has no event loop, and so no timers. */
function runGuest(
  receive: () => Command,
  process: NodeJS.Process,
  Buffer: BufferConstructor,
  acorn: Acorn,
  makePrepare: (parts: PrepareParts) => Prepare,
  split: (js: string, acorn: Acorn) => { declare: string; body: string } | { denied: number },
  guestText: string,
): void {
  const load: (name: string) => unknown = process.getBuiltinModule.bind(process)
  const fs = load('node:fs') as { writeSync(fd: number, data: Buffer, at: number): number }
  const vm = load('node:vm') as {
    createContext(object: unknown, options: object): object
    runInContext(code: string, context: object): unknown
    readonly constants: { readonly DONT_CONTEXTIFY: unknown }
    readonly Script: new (code: string, options: object) => { runInContext(context: object, options?: object): unknown }
  }
  const { stripTypeScriptTypes, SourceMap } = load('node:module') as {
    stripTypeScriptTypes: PrepareParts['strip']
    SourceMap: PrepareParts['SourceMap']
  }
  const prepare = makePrepare({ strip: stripTypeScriptTypes, SourceMap, parse: acorn.parse })
  const MAX_LEFTOVERS = 1_000

  // A queue of its own, drained after each evaluation: a turn is over exactly when `runInContext` comes back.
  const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, { microtaskMode: 'afterEvaluate' })
  let clock = 0
  let job: (() => void) | null = null
  let settled: { ok: boolean; result: unknown } | null = null
  let fixedNames = new Map<string, string>()
  let file = ''
  let lineOf = (line: number): number => line
  let mark: Mark = { token: '', streams: [] }

  ;(
    vm.runInContext(
      `(clock) => {
      const Real = Date
      const Fixed = { Date: function (...args) { return new.target === undefined ? new Real(clock()).toString() : Reflect.construct(Real, args.length === 0 ? [clock()] : args, new.target) } }.Date
      const put = (target, key, value) => Object.defineProperty(target, key, { value, writable: true, enumerable: false, configurable: true })
      for (const key of ['parse', 'UTC']) put(Fixed, key, Real[key])
      put(Fixed, 'now', () => clock())
      Fixed.prototype = Real.prototype
      put(Real.prototype, 'constructor', Fixed)
      put(globalThis, 'Date', Fixed)
    }`,
      context,
    ) as (clock: () => number) => void
  )(() => clock)
  const watch = vm.runInContext(
    '(({ apply }, then) => (promise, report) => apply(then, promise, [(value) => report(true, value), (error) => report(false, error)]))(Reflect, Promise.prototype.then)',
    context,
  ) as (promise: unknown, report: (ok: boolean, result: unknown) => void) => void
  // V8 stops running code at a SIGINT, so that no `catch` and no `finally` of the code sees it.
  const guest = (vm.runInContext(`(${guestText})`, context) as (halt: () => void) => Guest)(() => process.kill(process.pid, 'SIGINT'))
  const turn = new vm.Script("globalThis[Symbol.for('troupe.turn')]()", { filename: 'troupe-turn.js' })
  const drainJobs = new vm.Script('0', { filename: 'troupe-jobs.js' })
  ;(
    vm.runInContext("(turn) => Object.defineProperty(globalThis, Symbol.for('troupe.turn'), { value: turn })", context) as (
      turn: () => void,
    ) => void
  )(() => {
    const now = job
    job = null
    now?.()
  })
  process.on('SIGINT', () => {})

  /** Whether it could be written. */
  function write(fd: number, text: string): boolean {
    const data = Buffer.from(text)
    for (let at = 0; at < data.length;) {
      try {
        at += fs.writeSync(fd, data, at)
      } catch (error) {
        if ((error as { code?: string }).code !== 'EAGAIN') return false
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
      }
    }
    return true
  }

  function send(line: string): void {
    if (!write(4, line + '\n')) process.exit(0)
  }

  /** What was written past the frames takes another way than they do: the host waits for the mark that follows it. */
  function endStreams(): void {
    for (const fd of mark.streams) write(fd, `\0${mark.token}\0`)
    mark = { token: '', streams: [] } // once a step, however often it is said that its main code has settled
  }

  /** Runs `work` and then every promise job that it leads to. False: the code was stopped by the prelude. */
  function run(work: () => void): boolean {
    job = work
    try {
      turn.runInContext(context, { breakOnSigint: true })
      return true
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return false
      throw error
    }
  }

  /** After a stop: nothing of this step runs in the next. */
  function quiesce(): void {
    guest.mute()
    for (let left = 0; left < MAX_LEFTOVERS; left++) if (run(() => {})) return
    process.exit(71)
  }

  /** What `work` leads to until the guest is quiet, and then what the end of the main code leads to. */
  function settle(work: () => void): void {
    work()
    drainJobs.runInContext(context)
    if (settled === null) return
    const { ok, result } = settled
    settled = null
    guest.finish(ok, result)
    drainJobs.runInContext(context)
  }

  function report(): void {
    const text = guest.drain()
    if (!text.endsWith('null]')) {
      endStreams()
      const [frames, state] = JSON.parse(text) as GuestTurn
      if (state !== null && state[0] === 'error')
        return send(JSON.stringify(['frames', frames, [...state.slice(0, 4), lineIn(state[4])], true]))
    }
    send(`["frames",${text.slice(1, -1)},true]`)
  }

  /**
   * All turns of one step, within one watch for the stop: to begin and to end a watch is slow. Gives the command that
   * comes after the step, where it has come already.
   */
  function takeTurns(start: () => void): Command | null {
    let next: Command | null = null
    const ran = run(() => {
      settle(start)
      report()
      for (;;) {
        const command = receive()
        if (command.type !== 'reply') {
          next = command
          return
        }
        settle(() => guest.settle(command.call, command.ok, command.text))
        report()
      }
    })
    if (!ran) {
      settled = null
      quiesce()
      report()
    }
    return next
  }

  function lineIn(stack: string): number | null {
    const line = new RegExp(`${file.replace('.', '\\.')}:(\\d+)`).exec(stack)?.[1]
    return line === undefined ? null : lineOf(Number(line))
  }

  function refuse(kind: string, name: string, message: string, line: number | null): null {
    endStreams()
    send(JSON.stringify(['frames', [], ['error', kind, name, message, line], true]))
    return null
  }

  function execute(command: Extract<Command, { type: 'execute' }>): Command | null {
    mark = command.mark
    const prepared = prepare(command.code, { fixedNames, sourceLimits: true })
    if (prepared.type === 'broken') process.exit(72)
    if (prepared.type === 'refused') {
      const { kind, name, message, line = null } = prepared.error
      return refuse(kind, name, message, line)
    }
    file = `step-${command.step}.ts`
    lineOf = prepared.lineOf
    clock = command.clock
    settled = null
    const scripts: { declare?: InstanceType<typeof vm.Script>; body?: InstanceType<typeof vm.Script> } = {}
    try {
      const parts = split(prepared.js, acorn)
      if ('denied' in parts)
        return refuse('denied', 'ImportError', 'import() is not available: there are no modules here. Use the tools', lineOf(parts.denied))
      scripts.declare = new vm.Script(parts.declare, { filename: file })
      scripts.body = new vm.Script(parts.body, { filename: file })
    } catch (error) {
      return refuse('syntax', 'SyntaxError', (error as Error).message, lineIn(String((error as Error).stack)))
    }
    guest.begin(command.seed)
    return takeTurns(() => {
      try {
        scripts.declare?.runInContext(context)
        watch(scripts.body?.runInContext(context), (ok, result) => {
          settled = { ok, result }
        })
      } catch (error) {
        settled = { ok: false, result: error }
      }
    })
  }

  // The first use of the type stripper, the parser and the turn costs some 60 ms: not in anyone's first step.
  const warm = prepare('const warm: number = 1; await warm', { fixedNames, sourceLimits: true })
  if (warm.type === 'ready') split(warm.js, acorn)
  run(() => {})
  send('["ready"]')
  for (let next: Command | null = null; ;) {
    const command: Command = next ?? receive()
    next = null
    switch (command.type) {
      case 'setup':
        fixedNames = new Map([
          ...command.setup.tools.map(({ name }): [string, string] => [name, 'a tool']),
          ['tools', 'the object of all tools'],
          ['finalAnswer', 'the function that ends the run'],
          ['console', 'where prints go'],
        ])
        guest.setup(JSON.stringify(command.setup))
        break
      case 'execute':
        next = execute(command)
        break
      case 'reply': // of a step that was stopped: it changes nothing
    }
  }
}

/**
 * V8 has no top-level await in scripts: what a step declares goes into a script of its own, which binds it globally, and
 * the rest into an async function. Every line stays where it was. Runs in the guest from its source text.
 */
function splitScript(js: string, acorn: Acorn): { declare: string; body: string } | { denied: number } {
  interface Edit {
    readonly start: number
    readonly end: number
    readonly text: string
  }
  const program: Program = acorn.parse(js, {
    ecmaVersion: 'latest',
    sourceType: 'script',
    allowAwaitOutsideFunction: true,
    locations: true,
  })
  const edits: Edit[] = []
  const names: string[] = []
  const functions: Node[] = []
  let denied = 0
  const cut = (start: number, end: number): void => {
    edits.push({ start, end, text: blank(js.slice(start, end)) })
  }
  const blank = (text: string): string => text.replace(/[^\n\u2028\u2029\r]/g, ' ')

  function bind(pattern: Node): void {
    const node = pattern as Node & {
      name: string
      elements: (Node | null)[]
      properties: (Node & { value: Node; argument: Node })[]
      left: Node
      argument: Node
    }
    if (node.type === 'Identifier') names.push(node.name)
    for (const element of node.elements ?? []) if (element) bind(element)
    for (const property of node.properties ?? []) bind(property.type === 'Property' ? property.value : property.argument)
    if (node.type === 'AssignmentPattern') bind(node.left)
    if (node.type === 'RestElement') bind(node.argument)
  }

  /** `var a = 1, { b } = c` becomes `void ((a = 1), ({ b } = c))`; in the head of a loop it stays bare. */
  function unvar(declaration: VariableDeclaration, inHead: boolean): void {
    for (const { id } of declaration.declarations) bind(id)
    const [first] = declaration.declarations
    if (first === undefined) return
    const isForIn = inHead && declaration.declarations.length === 1 && first.init == null
    if (isForIn) return cut(declaration.start, first.start)
    edits.push({ start: declaration.start, end: declaration.start + 3, text: 'void(' })
    for (const { id, init, end } of declaration.declarations) {
      if (init == null) edits.push({ start: id.start, end: id.end, text: '0' })
      else edits.push({ start: id.start, end: id.start, text: '(' }, { start: end, end, text: ')' })
    }
    const last = declaration.declarations.at(-1)?.end ?? declaration.end
    edits.push({ start: last, end: last, text: ')' })
  }

  function walk(node: Node, inFunction: boolean, parent: Node | null): void {
    if (node.type === 'ImportExpression' && denied === 0) denied = node.loc?.start.line ?? 1
    if (!inFunction && node.type === 'VariableDeclaration' && (node as VariableDeclaration).kind === 'var') {
      unvar(
        node as VariableDeclaration,
        parent !== null && parent.type.startsWith('For') && (parent as Node & { body: Node }).body !== node,
      )
    }
    const isFunction = inFunction || /Function|^StaticBlock$|^PropertyDefinition$/.test(node.type)
    for (const child of Object.values(node)) {
      for (const one of Array.isArray(child) ? child : [child])
        if (typeof one?.type === 'string' && typeof one.start === 'number') walk(one as Node, isFunction, node)
    }
  }

  walk(program, false, null)
  if (denied > 0) return { denied }
  for (const node of program.body) {
    if (node.type !== 'FunctionDeclaration') continue
    functions.push(node)
    cut(node.start, node.end)
  }
  const last = program.body.at(-1)
  if (last?.type === 'ExpressionStatement') {
    edits.push(
      { start: last.start, end: last.start, text: 'return{value:(' },
      { start: last.expression.end, end: last.expression.end, text: '' },
    )
    const end = js[last.end - 1] === ';' ? last.end - 1 : last.end
    edits.push({ start: end, end: last.end, text: ')}' })
  }
  const inFunctions = (at: number): boolean => functions.some(({ start, end }) => at > start && at < end)
  const ordered = edits
    .filter(({ start }) => !inFunctions(start))
    .map((edit, index) => ({ ...edit, index }))
    .toSorted((a, b) => b.start - a.start || b.index - a.index)
  let body = js
  for (const { start, end, text } of ordered) body = body.slice(0, start) + text + body.slice(end)

  let declare = ''
  let at = 0
  for (const { start, end } of functions) {
    declare += blank(js.slice(at, start)) + js.slice(start, end) + ';'
    at = end
  }
  const unique = [...new Set(names)]
  return {
    declare: `'use strict';${unique.length === 0 ? '' : `var ${unique.join(',')};`}${declare}`,
    body: `'use strict';(async()=>{${body}\n;return{value:undefined}})()`,
  }
}
