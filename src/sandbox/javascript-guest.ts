import { createCodec, MAX_DEPTH, type Codec, type CodecOptions } from '../util/codec.ts'
import { createInspect, type Inspect } from './inspect.ts'

/** What `setup` is given, as JSON. */
export interface GuestSetup {
  readonly tools: readonly { readonly name: string; readonly parameters: readonly string[]; readonly signature: string }[]
  readonly context: string
  readonly maxCalls: number
  readonly maxInFlight: number
  readonly answerBytes: number
  readonly outputBytes: number
}

/** The defences that the guest's side holds; what each does is said in the adapter that can switch it off. */
export interface GuestDefences {
  readonly primordials: boolean
  readonly fixedNames: boolean
  readonly noEval: boolean
  readonly hiddenFrames: boolean
  readonly finalStop: boolean
  readonly callLimit: boolean
  readonly inFlightLimit: boolean
  readonly argumentBytes: boolean
  readonly answerBytes: boolean
  readonly outputBytes: boolean
  readonly seededRandom: boolean
}

/** The guest's side of the border: held where no name in the guest leads to it. */
export interface Guest {
  /** Once: tools and context of the session, as JSON of `Setup`. */
  setup(text: string): void
  /** Before the code of a step. */
  begin(seed: number): void
  /** The main code of the step has settled: `result` is `{ value }` or what was thrown. */
  finish(ok: boolean, result: unknown): void
  settle(call: number, ok: boolean, text: string): void
  /** From now on nothing that still runs can call, print or end; open calls are forgotten. */
  mute(): void
  /** What happened since the last drain: JSON of `GuestTurn`. */
  drain(): string
}

/** JSON of what a guest turn did: its frames in order, and how the main code stands. */
export type GuestTurn = readonly [frames: readonly GuestFrame[], state: GuestState | null]
export type GuestFrame = readonly ['print', string] | readonly ['call', number, string, string]
export type GuestState =
  | readonly ['value', string | null, string]
  | readonly ['final', string]
  | readonly ['error', 'error' | 'memory' | 'denied', string, string, string]
  | readonly ['stop', 'output-limit' | 'call-limit']

/** Script text that evaluates to a function of `halt`, which gives the `Guest`. */
export function guestSource(defences: GuestDefences): string {
  // Bundlers that keep names wrap functions in a helper, which the guest must have too.
  return `(halt) => { 'use strict'; const __name = (f) => f; return (${String(createGuest)})(halt, ${String(createCodec)}, ${String(createInspect)}, ${JSON.stringify({ ...defences, maxDepth: MAX_DEPTH })}) }`
}

/**
 * Runs in the guest, before any other code and from its source text: it refers to nothing outside itself and takes the
 * builtins it needs while they are still genuine. `halt` tells the worker to stop the running code at its next tick.
 */
function createGuest(
  halt: () => void,
  makeCodec: (options: CodecOptions) => Codec,
  makeInspect: () => Inspect,
  on: GuestDefences & { maxDepth: number },
): Guest {
  const [PREVIEW, PRINTED, MESSAGE] = [8_000, 16_000, 8_000]
  const { apply, defineProperty, deleteProperty, getPrototypeOf, ownKeys } = Reflect
  const [PromiseC, ErrorC, TypeErrorC, RangeErrorC, WeakSetC, ObjectC, isArray, freeze] = [
    Promise,
    Error,
    TypeError,
    RangeError,
    WeakSet,
    Object,
    Array.isArray,
    Object.freeze,
  ]
  const [weakAdd, weakHas, tagOf, objectProto, exec, codeAt, slice] = [
    WeakSet.prototype.add,
    WeakSet.prototype.has,
    Object.prototype.toString,
    Object.prototype,
    RegExp.prototype.exec,
    String.prototype.charCodeAt,
    String.prototype.slice,
  ]
  const { parse } = JSON
  const genuineStringify = JSON.stringify
  const stringify = (text: string | number): string => (on.primordials ? genuineStringify : JSON.stringify)(text)
  const { encode, decode } = makeCodec({ fail: (message) => new TypeErrorC(message), trusted: true, maxDepth: on.maxDepth })
  const inspect = makeInspect()
  const denials = new WeakSetC()
  const NO_MODULE = /^could not load module/
  const NON_ASCII = /[\u0080-\uffff]/
  const bare = <T>(): Record<string | number, T> => ({ __proto__: null }) as never

  interface Queued {
    readonly call: number
    readonly tool: string
    readonly args: string
  }
  interface Pending {
    readonly resolve: (value: unknown) => void
    readonly reject: (error: unknown) => void
    readonly origin: string
  }
  type Tool = GuestSetup['tools'][number]

  let limits: GuestSetup
  let pending = bare<Pending>()
  let queue = bare<Queued>()
  let [queueStart, queueEnd, open, calls, printed] = [0, 0, 0, 0, 0]
  let [frames, state, muted] = ['', 'null', false]
  const fixed = bare<string>()

  const denied = (message: string): Error => {
    const error = new TypeErrorC(message)
    apply(weakAdd, denials, [error])
    return error
  }
  const fixedName = (name: string): Error => denied(`Cannot overwrite '${name}': it is ${fixed[name]}`)
  const constant = (target: object, key: string | symbol, value: unknown): boolean =>
    defineProperty(target, key, { __proto__: null, value, writable: false, enumerable: false, configurable: false } as PropertyDescriptor)
  const replaceable = (target: object, key: string | symbol, value: unknown): boolean =>
    defineProperty(target, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true } as PropertyDescriptor)

  /** Ends the step: the spinning loop meets the interrupt, which no `catch` or `finally` of the guest sees. */
  function stop(): never {
    muted = true
    halt()
    for (;;);
  }

  function bytesOf(text: string): number {
    if (apply(exec, NON_ASCII, [text]) === null) return text.length
    let bytes = text.length
    for (let i = 0; i < text.length; i++) {
      const code = apply(codeAt, text, [i]) as number
      // A surrogate pair has four bytes in two code units.
      if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1
    }
    return bytes
  }
  const exceeds = (text: string, limit: number): boolean => text.length > limit || (text.length * 3 > limit && bytesOf(text) > limit)

  function emit(frame: string): void {
    frames += frames === '' ? frame : `,${frame}`
  }
  function emitCall({ call, tool, args }: Queued): void {
    open++
    emit(`["call",${call},${stringify(tool)},${stringify(args)}]`)
  }

  function start(tool: Tool, args: readonly unknown[]): Promise<unknown> {
    if (muted) stop()
    let resolve!: (value: unknown) => void
    let reject!: (error: unknown) => void
    // Nothing else happens in the executor: it would swallow the stop.
    const promise = new PromiseC<unknown>((yes, no) => {
      resolve = yes
      reject = no
    })
    let text: string
    try {
      text = encode(named(tool, args))
      if (on.argumentBytes && exceeds(text, limits.answerBytes))
        throw new RangeErrorC(`the arguments of ${tool.name} are larger than ${limits.answerBytes} bytes: send less, or send it in parts`)
    } catch (error) {
      reject(error)
      return promise
    }
    if (on.callLimit && calls >= limits.maxCalls) {
      state = '["stop","call-limit"]'
      stop()
    }
    const call = ++calls
    pending[call] = { resolve, reject, origin: `${new ErrorC().stack}` }
    const item = { call, tool: tool.name, args: text }
    if (queueStart === queueEnd && (!on.inFlightLimit || open < limits.maxInFlight)) emitCall(item)
    else queue[queueEnd++] = item
    return promise
  }

  /** Exactly one plain object is the named form; anything else goes by position, and what does not fit is refused. */
  function named({ parameters, signature }: Tool, args: readonly unknown[]): unknown {
    if (args.length === 0) return {}
    const first = args[0]
    if (args.length === 1 && typeof first === 'object' && first !== null && !isArray(first)) {
      const proto = getPrototypeOf(first)
      if (proto === objectProto || proto === null) return first
    }
    if (args.length > parameters.length)
      throw new TypeErrorC(`too many arguments: ${args.length} for ${parameters.length}. Call it as ${signature}`)
    const object = {}
    for (let i = 0; i < args.length; i++) {
      const value = args[i]
      if (value !== undefined)
        defineProperty(
          object,
          parameters[i] as string,
          { __proto__: null, value, writable: true, enumerable: true, configurable: true } as PropertyDescriptor,
        )
    }
    return object
  }

  function print(args: readonly unknown[]): void {
    if (muted) stop()
    let text = ''
    for (let i = 0; i < args.length; i++) {
      const value = args[i]
      text += (i > 0 ? ' ' : '') + (typeof value === 'string' ? value : inspect(value, PRINTED))
    }
    const left = limits.outputBytes - printed
    if (!on.outputBytes || !exceeds(text, left - 1)) {
      printed += bytesOf(text) + 1
      emit(`["print",${stringify(text)}]`)
      return
    }
    text = apply(slice, text, [0, left > 0 ? left : 0]) as string
    while (text !== '' && bytesOf(text) > left)
      text = apply(slice, text, [0, text.length - (((bytesOf(text) - left) / 3) | 0 || 1)]) as string
    if (text !== '') emit(`["print",${stringify(text)}]`)
    state = '["stop","output-limit"]'
    stop()
  }

  function finalAnswer(value: unknown): void {
    if (muted) stop()
    const text = encode(value)
    if (on.answerBytes && exceeds(text, limits.answerBytes))
      throw new RangeErrorC(`the final answer is larger than ${limits.answerBytes} bytes: answer with less`)
    state = `["final",${stringify(text)}]`
    if (on.finalStop) stop()
  }

  function textOf(value: unknown): string {
    return typeof value === 'string'
      ? value
      : typeof value === 'symbol' || typeof value === 'object'
        ? inspect(value, MESSAGE)
        : `${value as number}`
  }

  function describe(thrown: unknown): string {
    let kind = 'error'
    let name = 'Thrown'
    let message = ''
    let stack = ''
    try {
      if (apply(tagOf, thrown, []) === '[object Error]') {
        const error = thrown as Error & { errors?: unknown }
        name = textOf(error.name)
        message = textOf(error.message)
        stack = textOf(error.stack)
        if (isArray(error.errors))
          for (let i = 0; i < error.errors.length && i < 5; i++)
            message += `${message === '' ? '' : '; '}${textOf((error.errors[i] as Error | null)?.message)}`
        if (apply(weakHas, denials, [error])) kind = 'denied'
        else if (name === 'InternalError' && message === 'out of memory') kind = 'memory'
        else if (name === 'ReferenceError' && apply(exec, NO_MODULE, [message]) !== null) {
          kind = 'denied'
          message = 'import() is not available: there are no modules here. Use the tools'
        } else if (name === 'TypeError' && message === 'could not delete property') {
          message = 'could not delete property: tools, finalAnswer, console and other fixed names stay'
        }
      } else message = inspect(thrown, MESSAGE)
    } catch {
      message = 'an error that cannot be read'
    }
    const cut = (text: string): string => apply(slice, text, [0, MESSAGE]) as string
    return `["error",${stringify(kind)},${stringify(cut(name))},${stringify(cut(message))},${stringify(cut(stack))}]`
  }

  // --- What the model's code sees.

  /** A global that can be read and never replaced. A setter, unlike a constant, can say why. */
  function fix(name: string, value: unknown, what: string): void {
    fixed[name] = what
    if (!on.fixedNames) {
      replaceable(globalThis, name, value)
      return
    }
    defineProperty(globalThis, name, {
      __proto__: null,
      enumerable: true,
      configurable: false,
      get: () => value,
      set: () => {
        throw fixedName(name)
      },
    } as PropertyDescriptor)
  }

  const guarded = (target: unknown, key: unknown): void => {
    if (target === globalThis && typeof key === 'string' && fixed[key] !== undefined) throw fixedName(key)
  }
  if (on.fixedNames) {
    const define = ObjectC.defineProperty
    replaceable(
      ObjectC,
      'defineProperty',
      freeze(function (target: object, key: PropertyKey, descriptor: PropertyDescriptor) {
        guarded(target, key)
        return define(target, key, descriptor)
      }),
    )
    replaceable(
      Reflect,
      'defineProperty',
      freeze(function (target: object, key: PropertyKey, descriptor: PropertyDescriptor) {
        guarded(target, key)
        return defineProperty(target, key, descriptor)
      }),
    )
    replaceable(
      Reflect,
      'deleteProperty',
      freeze(function (target: object, key: PropertyKey) {
        guarded(target, key)
        return deleteProperty(target, key)
      }),
    )
  }

  // A call site of a stack trace gives the function that runs there: this would hand out `settle` and `drain`.
  if (on.hiddenFrames) constant(ErrorC, 'prepareStackTrace', undefined)

  if (on.noEval) {
    const refuse = (): never => {
      throw denied('eval and new Function are not available: write the code itself')
    }
    const Blocked = function Function(): never {
      return refuse()
    }
    const callables = [function () {}, async function () {}, function* () {}, async function* () {}]
    for (let i = 0; i < callables.length; i++) constant(getPrototypeOf(callables[i] as object) as object, 'constructor', Blocked)
    constant(Blocked, 'prototype', getPrototypeOf(Blocked))
    constant(globalThis, 'Function', Blocked)
    constant(globalThis, 'eval', refuse)
  }

  const absent = (name: string, why: string): boolean =>
    replaceable(globalThis, name, () => {
      throw denied(`${name} is not available: ${why}`)
    })
  const timers = ['setTimeout', 'setInterval', 'setImmediate']
  for (let i = 0; i < timers.length; i++)
    absent(timers[i] as string, 'there are no timers here, and the clock stands still during a step. Await the tools directly')
  absent('fetch', 'there is no network here. Use the tools')
  absent('require', 'there are no modules here. Use the tools')
  replaceable(globalThis, 'structuredClone', (value: unknown) => decode(encode(value)))

  // sfc32 by Chris Doty-Humphrey (public domain), seeded per step.
  let [a, b, c, d] = [0, 0, 0, 0]
  const word = (): number => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  if (on.seededRandom) replaceable(Math, 'random', () => ((word() >>> 5) * 0x4000000 + (word() >>> 6)) / 0x20000000000000)

  return {
    setup(text) {
      limits = parse(text) as GuestSetup
      const all = {} as Record<string, unknown>
      for (let i = 0; i < limits.tools.length; i++) {
        const tool = limits.tools[i] as Tool
        const call = freeze({ [tool.name]: (...args: unknown[]) => start(tool, args) }[tool.name])
        fix(tool.name, call, 'a tool')
        constant(all, tool.name, call)
      }
      fix('tools', freeze(all), 'the object of all tools')
      fix('finalAnswer', freeze(finalAnswer), 'the function that ends the run')
      const log = freeze((...args: unknown[]) => print(args))
      fix(
        'console',
        freeze({ __proto__: null, log, info: log, warn: log, error: log, debug: log, trace: log, dir: log, table: log }),
        'where prints go',
      )
      const context = decode(limits.context) as object
      const keys = ownKeys(context)
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i] as string
        defineProperty(globalThis, key, {
          __proto__: null,
          value: (context as Record<string, unknown>)[key],
          writable: true,
          enumerable: true,
          configurable: true,
        } as PropertyDescriptor)
      }
    },

    begin(seed) {
      pending = bare()
      queue = bare()
      queueStart = queueEnd = open = calls = printed = 0
      frames = ''
      state = 'null'
      muted = false
      a = seed | 0
      b = (seed / 0x100000000) | 0
      c = 0x9e3779b9 | 0
      d = 1
      for (let i = 0; i < 12; i++) word()
    },

    finish(ok, result) {
      if (muted || state !== 'null') return
      if (!ok) {
        state = describe(result)
        return
      }
      const value = (result as { value: unknown }).value
      let text = 'null'
      let preview = ''
      try {
        const encoded = encode(value)
        if (!exceeds(encoded, limits.answerBytes)) text = stringify(encoded)
      } catch {
        // The preview says what it is.
      }
      try {
        preview = value === undefined ? '' : inspect(value, PREVIEW)
      } catch {
        preview = '[a value that cannot be shown]'
      }
      if (value === undefined) text = 'null'
      if (state === 'null') state = `["value",${text},${stringify(preview)}]`
    },

    settle(call, ok, text) {
      const entry = pending[call]
      if (entry === undefined) return
      delete pending[call]
      open--
      let failure: { name: string; message: string } | null = null
      try {
        if (ok) {
          entry.resolve(decode(text))
          return
        }
        failure = parse(text) as { name: string; message: string }
      } catch (error) {
        failure = { name: 'TypeError', message: `the answer could not be read: ${(error as Error).message}` }
      }
      const error = new ErrorC(failure.message)
      replaceable(error, 'name', failure.name)
      replaceable(error, 'stack', entry.origin)
      entry.reject(error)
    },

    mute() {
      muted = true
    },

    drain() {
      while (!muted && queueStart < queueEnd && (!on.inFlightLimit || open < limits.maxInFlight)) {
        emitCall(queue[queueStart] as Queued)
        delete queue[queueStart++]
      }
      if (muted) {
        pending = bare()
        queue = bare()
        queueStart = queueEnd = 0
      }
      const text = `[[${frames}],${state}]`
      frames = ''
      return text
    },
  }
}
