import { watchLoop } from '../../src/testing/sandbox-conformance/awake.ts'
import { decode } from '../../src/util/codec.ts'
import { limitsOf, type Limits } from '../../src/sandbox/limits.ts'
import type { MontySandbox } from '../../src/sandbox/monty/create.ts'
import type { Defences } from '../../src/sandbox/monty/protocol.ts'
import type { Frame, SandboxSession } from '../../src/sandbox/sandbox.ts'

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
  /** Whether a session that shared the process still knew its variable afterwards. */
  readonly neighbourLives: boolean
  /** Whether the process is the one that was there before. */
  readonly sameProcess: boolean
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
  readonly before?: readonly string[]
  readonly answer?: string
  readonly abortAfterMs?: number
  /** Whether the process itself is the attacker: see monty-child.ts. */
  readonly takenOver?: boolean
  readonly isContained: (seen: Seen) => boolean
}

const TOOLS = [{ name: 'echo', parameters: ['value'], signature: 'echo(value) -> Any' }]
const ALIVE = 'value:7'
const PATIENCE_MS = 2_500
const FOREVER = 'while True:\n    pass'
const DEEP_JSON = 'import json\na = []\nfor i in range(200000):\n    a = [a]\njson.dumps(a)'

const calls = ({ frames }: Seen): readonly Extract<Frame, { type: 'call' }>[] => frames.filter((frame) => frame.type === 'call')
const isBadFrame = ({ outcome, neighbourLives }: Seen): boolean => outcome === 'sandbox/bad-frame' && !neighbourLives
const sent = (state: unknown, prints: unknown = []): string => JSON.stringify({ session: 'SESSION', prints, state, spentMs: 1 })
const forged = (name: string, code: string): Attack => ({
  name: `a forged report: ${name}`,
  defence: 'validReports',
  takenOver: true,
  code,
  isContained: isBadFrame,
})

export const ATTACKS: readonly Attack[] = [
  {
    name: 'an endless loop',
    defence: 'duration',
    limits: { timeoutMs: 200 },
    code: FOREVER,
    isContained: ({ outcome, poisoned, sameProcess, neighbourLives, ms }) =>
      outcome === 'timeout' && poisoned && sameProcess && neighbourLives && ms < 1_000,
  },
  {
    name: 'an endless loop that catches everything',
    defence: 'duration',
    limits: { timeoutMs: 200 },
    code: 'while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass',
    isContained: ({ outcome, sameProcess }) => outcome === 'timeout' && sameProcess,
  },
  {
    name: 'one native call that takes minutes',
    defence: 'backstop',
    limits: { timeoutMs: 150, memoryMb: 256 },
    code: '9 ** 9 ** 8',
    isContained: ({ outcome, poisoned, neighbourLives, ms }) => outcome === 'timeout' && poisoned && neighbourLives && ms < 1_500,
  },
  {
    name: 'an endless loop where the interpreter has no limit',
    defence: 'backstop',
    without: ['duration'],
    limits: { timeoutMs: 150 },
    code: FOREVER,
    isContained: ({ outcome, neighbourLives }) => outcome === 'timeout' && neighbourLives,
  },
  {
    name: 'memory without end',
    defence: 'memory',
    limits: { memoryMb: 16 },
    code: 'held = []\nfor i in range(60):\n    held.append("x" * 1000000 + str(i))\nlen(held)',
    isContained: ({ outcome, neighbourLives, sameProcess }) => outcome === 'memory' && neighbourLives && sameProcess,
  },
  {
    name: 'recursion without end',
    defence: 'recursion',
    limits: { memoryMb: 256 },
    code: 'def down(n):\n    return down(n + 1) + 1\ndown(0)',
    isContained: ({ outcome, message, after }) => outcome === 'error' && message.includes('recursion') && after === ALIVE,
  },
  {
    name: 'a crash of the interpreter',
    defence: 'heal',
    code: DEEP_JSON,
    isContained: ({ outcome, poisoned, neighbourLives }) => outcome === 'crash' && poisoned && neighbourLives,
  },
  {
    name: 'an expression that crashes the parser',
    defence: 'sourceLimits',
    code: `1${'+1'.repeat(300_000)}`,
    isContained: ({ outcome, sameProcess, after }) => outcome === 'syntax' && sameProcess && after === ALIVE,
  },
  {
    name: 'files, from a process that was taken over',
    defence: 'permission',
    takenOver: true,
    code: 'files',
    isContained: ({ value }) => String(value).includes('has been restricted'),
  },
  {
    name: 'programs, from a process that was taken over',
    defence: 'permission',
    takenOver: true,
    code: 'processes',
    isContained: ({ value }) => String(value).includes('has been restricted'),
  },
  {
    name: 'the environment, from a process that was taken over',
    defence: 'emptyEnvironment',
    takenOver: true,
    code: 'environment',
    isContained: ({ value }) => value === '',
  },
  forged('no JSON', 'garbage'),
  forged('two for one turn', 'two'),
  forged('an unknown tool', sent({ type: 'call', tool: 'rm', args: '{}' })),
  forged('arguments that do not decode', sent({ type: 'call', tool: 'echo', args: '{' })),
  forged('an answer that does not decode', sent({ type: 'final', value: '{"$type":"x"}', line: null })),
  forged('another session', '{"session":999,"prints":[],"state":{"type":"time"},"spentMs":1}'),
  forged('an unknown state', sent({ type: 'exit' })),
  forged('a print that is no text', sent({ type: 'time' }, [1])),
  {
    name: 'a tool that is replaced',
    defence: 'sourceChecks',
    code: 'def echo(value):\n    return 666\necho(1)',
    isContained: ({ outcome }) => outcome === 'denied',
  },
  {
    name: 'a final answer that is replaced',
    defence: 'sourceChecks',
    code: 'final_answer = lambda x: x\n1',
    isContained: ({ outcome }) => outcome === 'denied',
  },
  {
    name: 'a return that ends every later step',
    defence: 'sourceChecks',
    before: ['if True:\n    return 1'],
    code: '1',
    isContained: ({ outcome, value, after }) => outcome === 'value' && value === 1 && after === ALIVE,
  },
  {
    name: 'code after the final answer',
    defence: 'finalStop',
    code: 'try:\n    final_answer(1)\nexcept:\n    pass\nprint("on")\necho(1)',
    isContained: (seen) => seen.outcome === 'final-answer' && seen.prints.length === 0 && calls(seen).length === 0,
  },
  {
    name: 'more calls than allowed',
    defence: 'callLimit',
    without: ['validReports'],
    limits: { maxCalls: 5 },
    code: 'for i in range(50):\n    echo(i)',
    isContained: (seen) => seen.outcome === 'call-limit' && calls(seen).length === 5,
  },
  {
    name: 'arguments of megabytes',
    defence: 'argumentBytes',
    without: ['validReports'],
    limits: { answerBytes: 1_000 },
    code: 'echo("x" * 100000)',
    isContained: (seen) => calls(seen).length === 0,
  },
  {
    name: 'an answer of megabytes',
    defence: 'answerBytes',
    limits: { answerBytes: 1_000 },
    answer: JSON.stringify('x'.repeat(100_000)),
    code: 'len(echo(1))',
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'prints without end',
    defence: 'outputBytes',
    without: ['validReports'],
    limits: { outputBytes: 1_000 },
    code: 'for i in range(1000):\n    print("x" * 100)',
    isContained: ({ outcome, prints }) => outcome === 'output-limit' && prints.join('').length <= 1_000,
  },
  {
    name: 'the border between blocks',
    defence: 'secretBorder',
    before: ['mine = 1'],
    code: '_border()',
    isContained: ({ outcome, after }) => outcome === 'error' && after === ALIVE,
  },
  {
    name: 'a cancelled loop that keeps its process',
    defence: 'abortKill',
    limits: { timeoutMs: 60_000 },
    abortAfterMs: 60,
    code: FOREVER,
    isContained: ({ outcome, neighbourLives, ms }) => outcome === 'sandbox/closed' && neighbourLives && ms < 1_000,
  },
]

/** Runs an attack beside a neighbour in the same process; gives up after 2.5 s. */
export async function attack(
  sandbox: MontySandbox,
  { limits, code, before = [], answer = '1', abortAfterMs, takenOver }: Attack,
): Promise<Seen> {
  const open = (overrides: Partial<Limits> = {}): Promise<SandboxSession> =>
    sandbox.open({ language: 'python', limits: limitsOf(overrides), tools: TOOLS, context: {} })
  const [session, neighbour] = [await open({ memoryMb: 64, ...limits }), await open()]
  if (!takenOver) await run(neighbour, 'mine = 5', answer)
  for (const source of before) await run(session, source, answer)
  const [pid] = sandbox.pids()
  const start = performance.now()
  const seen = await run(session, code, answer, abortAfterMs)
  const ms = performance.now() - start
  const sameProcess = sandbox.pids()[0] === pid
  const lives = seen.outcome === 'silent' || takenOver ? false : (await run(neighbour, 'mine', answer)).value === 5
  const { outcome, value } = seen.outcome === 'silent' || takenOver ? seen : await run(session, '3 + 4', answer)
  return { ...seen, ms, sameProcess, neighbourLives: lives, after: `${outcome}:${String(value)}` }
}

type Ran = Pick<Seen, 'frames' | 'outcome' | 'poisoned' | 'message' | 'value' | 'prints' | 'gapMs'>

export async function run(session: SandboxSession, code: string, answer = '1', abortAfterMs?: number): Promise<Ran> {
  using watch = watchLoop()
  const frames: Frame[] = []
  const signal = abortAfterMs === undefined ? new AbortController().signal : AbortSignal.timeout(abortAfterMs)
  const stream = session.execute(code, { step: 1, signal, clock: 1_000_000, seed: 3 })
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), PATIENCE_MS)
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
