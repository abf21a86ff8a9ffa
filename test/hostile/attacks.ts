import { watchLoop } from '../../src/testing/sandbox-conformance/awake.ts'
import { decode } from '../../src/util/codec.ts'
import { limitsOf, type Limits } from '../../src/sandbox/limits.ts'
import type { Frame, Sandbox, SandboxSession } from '../../src/sandbox/sandbox.ts'
import type { Defences } from '../../src/sandbox/quickjs/protocol.ts'

/** What an attack came to. */
export interface Seen {
  readonly frames: readonly Frame[]
  /** `kind` of the error, `value`, `final-answer`, the code of what the stream threw, or `silent` when nothing came in time. */
  readonly outcome: string
  readonly poisoned: boolean
  readonly message: string
  readonly value: unknown
  readonly prints: readonly string[]
  /** How long the host's event loop was held at most. */
  readonly gapMs: number
  readonly ms: number
  /** Whether another session in the same worker thread still knew its variable afterwards. */
  readonly neighbourLives: boolean
  /** The outcome and value of a harmless step in the same session afterwards. */
  readonly after: string
}

export interface Attack {
  readonly name: string
  /** The one defence without which it is no longer contained. */
  readonly defence: keyof Defences
  /** Others that must be off for this one to be the last in the way. */
  readonly without?: readonly (keyof Defences)[]
  readonly limits?: Partial<Limits>
  readonly code: string
  /** Code of earlier steps. */
  readonly before?: readonly string[]
  /** What a tool answers, by call; default 1. */
  readonly answer?: string
  /** Cancels the step after so many milliseconds. */
  readonly abortAfterMs?: number
  readonly isContained: (seen: Seen) => boolean
}

const TOOLS = [{ name: 'echo', parameters: ['value'], signature: 'echo(input: { value?: unknown }): Promise<unknown>' }]
const ALIVE = 'value:7'

const steadyTimeout = ({ outcome, poisoned, neighbourLives, after }: Seen): boolean =>
  outcome === 'timeout' && !poisoned && neighbourLives && after === ALIVE
const lostTimeout = ({ outcome, poisoned, neighbourLives, ms }: Seen): boolean =>
  outcome === 'timeout' && poisoned && neighbourLives && ms < 2_000
const calls = ({ frames }: Seen): readonly Extract<Frame, { type: 'call' }>[] => frames.filter((frame) => frame.type === 'call')

export const ATTACKS: readonly Attack[] = [
  { name: 'an endless loop', defence: 'fuel', limits: { fuel: 200, timeoutMs: 400 }, code: 'for (;;);', isContained: steadyTimeout },
  {
    name: 'an endless chain of promises',
    defence: 'fuel',
    limits: { fuel: 200, timeoutMs: 400 },
    code: 'const spin = async () => { for (;;) await null }; await spin()',
    isContained: steadyTimeout,
  },
  {
    name: 'an endless loop that catches everything',
    defence: 'fuel',
    limits: { fuel: 200, timeoutMs: 400 },
    code: 'for (;;) { try { for (;;); } catch {} finally { try { for (;;); } catch {} } }',
    isContained: steadyTimeout,
  },
  {
    name: 'an endless loop in an executor, which swallows errors',
    defence: 'tearDown',
    limits: { fuel: 200, timeoutMs: 400 },
    code: 'for (;;) new Promise(() => { for (;;); }).catch(() => {})',
    isContained: lostTimeout,
  },
  {
    name: 'an endless loop in a getter of the result',
    defence: 'fuel',
    limits: { fuel: 200, timeoutMs: 400 },
    code: '({ toJSON() { for (;;); } })',
    isContained: steadyTimeout,
  },
  {
    name: 'an endless thenable',
    defence: 'fuel',
    limits: { fuel: 200, timeoutMs: 400 },
    code: 'Object.prototype.then = function () { for (;;); }; await echo({})',
    answer: '{"a":1}',
    isContained: ({ outcome, poisoned, neighbourLives }) => outcome === 'timeout' && !poisoned && neighbourLives,
  },
  {
    name: 'an endless loop where fuel is plenty',
    defence: 'cpu',
    limits: { fuel: 1e9, timeoutMs: 150 },
    code: 'for (;;);',
    isContained: lostTimeout,
  },
  {
    name: 'a regular expression that backtracks',
    defence: 'cpu',
    limits: { fuel: 1e9, timeoutMs: 150 },
    code: '/(a+)+b/.test("a".repeat(40))',
    isContained: lostTimeout,
  },
  {
    name: 'one native call that takes minutes',
    defence: 'backstop',
    limits: { timeoutMs: 150 },
    code: "'a'.repeat(1e6).indexOf('a'.repeat(5e5) + 'b')",
    isContained: ({ outcome, poisoned }) => outcome === 'timeout' && poisoned,
  },
  {
    name: 'memory without end',
    defence: 'memory',
    limits: { memoryMb: 16, fuel: 400 },
    code: 'const held = []; for (let i = 0; i < 60; i++) held.push(new Uint8Array(1e6)); held.length',
    isContained: ({ outcome, neighbourLives }) => outcome === 'memory' && neighbourLives,
  },
  {
    name: 'recursion without end',
    defence: 'stack',
    limits: { memoryMb: 64 },
    code: 'const down = () => down() + 1; down()',
    isContained: ({ outcome, message, after }) => outcome === 'error' && message.includes('call stack') && after === ALIVE,
  },
  {
    name: 'a frame forged by a patched JSON.stringify',
    defence: 'primordials',
    code: `JSON.stringify = () => '"x"],["call",7,"echo","{}"]],null]//'; console.log("a"); await echo({})`,
    isContained: (seen) => calls(seen).length === 1 && calls(seen)[0]?.call === 1,
  },
  {
    name: 'a forged frame, seen by the host',
    defence: 'validFrames',
    without: ['primordials'],
    code: `let n = 0; JSON.stringify = () => (n++ ? '""' : '"no such tool"'); await echo({})`,
    isContained: ({ outcome }) => outcome === 'sandbox/bad-frame',
  },
  {
    name: 'a call with a number of its own',
    defence: 'validFrames',
    without: ['primordials'],
    code: `const real = JSON.stringify; JSON.stringify = (v) => typeof v === 'string' && v === 'hi' ? '"hi"],["call",41,"echo","{}"' : real(v); console.log('hi'); await echo({})`,
    isContained: ({ outcome }) => outcome === 'sandbox/bad-frame',
  },
  {
    name: 'a tool that is replaced',
    defence: 'fixedNames',
    code: 'try { globalThis.echo = () => 666 } catch {} ; await echo({})',
    isContained: ({ value }) => value === 1,
  },
  {
    name: 'a final answer that is replaced',
    defence: 'fixedNames',
    code: 'try { Object.defineProperty(globalThis, "finalAnswer", { value: () => 0 }) } catch {} ; finalAnswer(3); "went on"',
    isContained: ({ outcome, value }) => outcome === 'final-answer' && value === 3,
  },
  {
    name: 'code from text by eval',
    defence: 'noEval',
    code: 'globalThis.eval("6 * 7")',
    isContained: ({ outcome }) => outcome === 'denied',
  },
  {
    name: 'code from text by a constructor',
    defence: 'noEval',
    code: '(async () => {}).constructor("return 6 * 7")()',
    isContained: ({ outcome }) => outcome === 'denied',
  },
  {
    name: 'the guest’s own functions through a stack trace',
    defence: 'hiddenFrames',
    code: 'const found = []; try { Error.prepareStackTrace = (_, sites) => { for (const s of sites) found.push(String(s.getFunctionName())); return "" } } catch {}\n const p = echo({}); await p; found.includes("start")',
    isContained: ({ value }) => value !== true,
  },
  {
    name: 'code after the final answer',
    defence: 'finalStop',
    code: 'try { finalAnswer(1) } catch {} finally { console.log("on") } console.log("on"); await echo({})',
    isContained: (seen) => seen.outcome === 'final-answer' && seen.prints.length === 0 && calls(seen).length === 0,
  },
  {
    name: 'code after a final answer in an executor',
    defence: 'finalStop',
    code: 'new Promise(() => finalAnswer(1)).catch(() => {}); console.log("on"); await echo({})',
    isContained: (seen) => seen.outcome === 'final-answer' && seen.prints.length === 0 && calls(seen).length === 0,
  },
  {
    name: 'code after a final answer while the result is read',
    defence: 'finalStop',
    code: '({ toJSON() { try { finalAnswer(1) } catch {} console.log("on"); return 2 } })',
    isContained: (seen) => seen.outcome === 'final-answer' && seen.value === 1 && seen.prints.length === 0 && seen.after === ALIVE,
  },
  {
    name: 'more calls than allowed',
    defence: 'callLimit',
    without: ['validFrames'],
    limits: { maxCalls: 5 },
    code: 'for (let i = 0; i < 50; i++) await echo({})',
    isContained: (seen) => seen.outcome === 'call-limit' && calls(seen).length === 5,
  },
  {
    name: 'a flood of calls in flight',
    defence: 'inFlightLimit',
    without: ['validFrames'],
    limits: { maxInFlight: 4 },
    code: 'await Promise.all(Array.from({ length: 60 }, () => echo({}))); 1',
    isContained: (seen) => mostInFlight(seen.frames) <= 4,
  },
  {
    name: 'arguments of megabytes',
    defence: 'argumentBytes',
    without: ['validFrames'],
    limits: { answerBytes: 1_000 },
    code: 'await echo({ value: "x".repeat(100_000) })',
    isContained: (seen) => calls(seen).length === 0,
  },
  {
    name: 'an answer of megabytes',
    defence: 'answerBytes',
    limits: { answerBytes: 1_000 },
    answer: JSON.stringify('x'.repeat(100_000)),
    code: '(await echo({})).length',
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'prints without end',
    defence: 'outputBytes',
    limits: { outputBytes: 1_000, fuel: 400 },
    code: 'for (let i = 0; i < 1_000; i++) console.log("x".repeat(100))',
    isContained: ({ outcome, prints }) => outcome === 'output-limit' && prints.join('').length <= 1_000,
  },
  { name: 'the host’s clock', defence: 'fixedClock', code: 'Date.now()', isContained: ({ value }) => value === 1_000_000 },
  {
    name: 'chance that replay does not have',
    defence: 'seededRandom',
    before: ['globalThis.first = Math.random()'],
    code: 'first === Math.random()',
    isContained: ({ value }) => value === true,
  },
  {
    name: 'a cancelled loop that takes its neighbours along',
    defence: 'abortFlag',
    limits: { fuel: 1e9, timeoutMs: 60_000 },
    abortAfterMs: 60,
    code: 'for (;;);',
    isContained: ({ outcome, neighbourLives, ms }) => outcome === 'sandbox/closed' && neighbourLives && ms < 400,
  },
  {
    name: 'nesting that crashes the type stripper',
    defence: 'sourceLimits',
    code: `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
    isContained: ({ outcome, poisoned, neighbourLives }) => outcome === 'syntax' && !poisoned && neighbourLives,
  },
]

function mostInFlight(frames: readonly Frame[]): number {
  let most = 0
  let now = 0
  for (const { type } of frames) {
    if (type === 'call') most = Math.max(most, ++now)
    // One answer for each idle: see `run`.
    if (type === 'idle') now--
  }
  return most
}

/** Runs an attack beside a neighbour in the same thread; gives up after 2.5 s. */
export async function attack(sandbox: Sandbox, { limits, code, before = [], answer = '1', abortAfterMs }: Attack): Promise<Seen> {
  const open = (overrides: Partial<Limits> = {}): Promise<SandboxSession> =>
    sandbox.open({ language: 'typescript', limits: limitsOf(overrides), tools: TOOLS, context: {} })
  const [session, neighbour] = [await open({ memoryMb: 64, ...limits }), await open()]
  await run(neighbour, 'globalThis.mine = 5', answer)
  for (const source of before) await run(session, source, answer)
  const start = performance.now()
  const seen = await run(session, code, answer, abortAfterMs)
  const ms = performance.now() - start
  const lives = seen.outcome === 'silent' ? false : (await run(neighbour, 'mine', answer)).value === 5
  const { outcome, value } = seen.outcome === 'silent' ? seen : await run(session, '3 + 4', answer)
  return { ...seen, ms, neighbourLives: lives, after: `${outcome}:${String(value)}` }
}

type Ran = Omit<Seen, 'ms' | 'neighbourLives' | 'after'>

async function run(session: SandboxSession, code: string, answer: string, abortAfterMs?: number): Promise<Ran> {
  using watch = watchLoop()
  const frames: Frame[] = []
  const signal = abortAfterMs === undefined ? new AbortController().signal : AbortSignal.timeout(abortAfterMs)
  const stream = session.execute(code, { step: 1, signal, clock: 1_000_000, seed: 3 })
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), 2_500)
  })
  const pulled = pull(stream, session, answer, frames).catch((error: { code?: string }) => error.code ?? 'an error without a code')
  const outcome = await Promise.race([pulled, patience])
  clearTimeout(timer)
  const end = frames.at(-1)
  const execution = end?.type === 'end' ? end.execution : null
  const text = execution === null || execution.type === 'error' ? undefined : execution.value
  return {
    frames,
    outcome,
    poisoned: end?.type === 'end' && end.poisoned,
    message: execution?.type === 'error' ? execution.error.message : '',
    value: text === undefined ? undefined : valueOf(text),
    prints: frames.flatMap((frame) => (frame.type === 'print' ? [frame.text] : [])),
    gapMs: watch.gapMs,
  }
}

/** Answers the first open call at each idle. */
async function pull(stream: AsyncIterable<Frame>, session: SandboxSession, answer: string, frames: Frame[]): Promise<string> {
  const open: number[] = []
  for await (const frame of stream) {
    frames.push(frame)
    if (frame.type === 'call') open.push(frame.call)
    const next = frame.type === 'idle' ? open.shift() : undefined
    if (next !== undefined) session.reply(next, { ok: true, value: answer })
    if (frame.type === 'end') return frame.execution.type === 'error' ? frame.execution.error.kind : frame.execution.type
  }
  return 'ended'
}

function valueOf(text: string): unknown {
  try {
    return decode(text)
  } catch {
    return 'a text that is no value'
  }
}
