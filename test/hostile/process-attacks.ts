import { watchLoop } from '../../src/testing/sandbox-conformance/awake.ts'
import { limitsOf, type Limits } from '../../src/sandbox/limits.ts'
import type { Frame, Language, Sandbox, SandboxSession } from '../../src/sandbox/sandbox.ts'
import { decode } from '../../src/util/codec.ts'

/** What an attack on a guest in a process of its own came to. */
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
}

export interface Attack<Defence extends string> {
  readonly name: string
  readonly defence: Defence
  /** Others that must be off for this one to be the last in the way. */
  readonly without?: readonly Defence[]
  readonly language?: Language
  readonly limits?: Partial<Limits>
  readonly code: string
  /** What a tool answers; default 1. */
  readonly answer?: string
  readonly isContained: (seen: Seen) => boolean
}

const TOOLS = [{ name: 'echo', parameters: ['value'], signature: 'echo(input: { value?: unknown }): Promise<unknown>' }]

export const SECRET_VARIABLE = 'TROUPE_HOSTILE_SECRET'

const calls = ({ frames }: Seen): readonly Extract<Frame, { type: 'call' }>[] => frames.filter((frame) => frame.type === 'call')
const forge = (line: string): string =>
  `import os\nos.write(4, ${JSON.stringify(line + '\n')}.encode())\nimport time\ntime.sleep(0.5)\n"forged"`
const isRefused = ({ outcome }: Seen): boolean => outcome === 'sandbox/bad-frame'

/** Attacks that concern host and guest alike, whatever isolates the two. */
export type WireDefence = 'validFrames' | 'hostCounts' | 'deadline' | 'answerBytes' | 'outputFlood'

export const WIRE_ATTACKS: readonly Attack<WireDefence>[] = [
  {
    name: 'a forged call of a tool that there is not',
    defence: 'validFrames',
    code: forge('["frames",[["call",1,"no_such_tool","{}"]],null,true]'),
    isContained: isRefused,
  },
  {
    name: 'a forged call with a number of its own',
    defence: 'validFrames',
    code: forge('["frames",[["call",41,"echo","{}"]],null,true]'),
    isContained: isRefused,
  },
  {
    name: 'a forged call whose arguments are no data',
    defence: 'validFrames',
    code: forge('["frames",[["call",1,"echo","{\\"$type\\":\\"Map\\",\\"value\\":7}"]],null,true]'),
    isContained: isRefused,
  },
  {
    name: 'a forged value that is no data',
    defence: 'validFrames',
    code: forge('["frames",[],["value","not json",""],true]'),
    isContained: isRefused,
  },
  { name: 'a line that is not JSON', defence: 'validFrames', code: forge('[[[['), isContained: isRefused },
  {
    name: 'a second end after a forged first one',
    defence: 'validFrames',
    code: forge('["frames",[],["final","1"],true]'),
    isContained: ({ outcome }) => outcome === 'final-answer' || outcome === 'sandbox/bad-frame',
  },
  {
    name: 'forged calls beyond the limit',
    defence: 'hostCounts',
    limits: { maxCalls: 3, maxInFlight: 100 },
    code: forge(`["frames",[${Array.from({ length: 9 }, (_, n) => `["call",${n + 1},"echo","{}"]`).join(',')}],null,true]`),
    isContained: (seen) => isRefused(seen) && calls(seen).length === 0,
  },
  {
    name: 'forged calls in flight beyond the limit',
    defence: 'hostCounts',
    limits: { maxInFlight: 3 },
    code: forge(`["frames",[${Array.from({ length: 9 }, (_, n) => `["call",${n + 1},"echo","{}"]`).join(',')}],null,true]`),
    isContained: (seen) => isRefused(seen) && calls(seen).length === 0,
  },
  {
    name: 'forged prints beyond the limit',
    defence: 'hostCounts',
    limits: { outputBytes: 100 },
    code: `import os\nfor i in range(50):\n    os.write(4, b'["frames",[["print","' + b'x' * 50 + b'"]],null,false]\\n')\n"done"`,
    isContained: isRefused,
  },
  {
    name: 'an endless loop',
    defence: 'deadline',
    limits: { timeoutMs: 300 },
    code: 'while True: pass',
    isContained: ({ outcome, poisoned, ms }) => outcome === 'timeout' && poisoned && ms < 1_300,
  },
  {
    name: 'an endless loop that catches everything',
    defence: 'deadline',
    limits: { timeoutMs: 300 },
    code: 'while True:\n    try:\n        while True: pass\n    except BaseException: pass',
    isContained: ({ outcome, poisoned }) => outcome === 'timeout' && poisoned,
  },
  {
    name: 'an endless loop in TypeScript',
    defence: 'deadline',
    language: 'typescript',
    limits: { timeoutMs: 300 },
    code: 'for (;;) { try { for (;;); } finally { continue } }',
    isContained: ({ outcome, poisoned }) => outcome === 'timeout' && poisoned,
  },
  {
    name: 'a native call that takes minutes',
    defence: 'deadline',
    limits: { timeoutMs: 300 },
    code: 'len(str(7 ** 20000000))',
    isContained: ({ outcome, poisoned }) => outcome === 'timeout' && poisoned,
  },
  {
    name: 'signals that are ignored',
    defence: 'deadline',
    limits: { timeoutMs: 300 },
    code: 'import signal, time\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except Exception: pass\ntime.sleep(60)',
    isContained: ({ outcome, poisoned }) => outcome === 'timeout' && poisoned,
  },
  {
    name: 'an answer of megabytes',
    defence: 'answerBytes',
    limits: { answerBytes: 1_000 },
    answer: JSON.stringify('x'.repeat(100_000)),
    code: 'len(echo())',
    isContained: ({ outcome }) => outcome === 'error',
  },
  {
    name: 'bytes on the standard output past the prints',
    defence: 'outputFlood',
    limits: { outputBytes: 1_000 },
    code: 'import os\nfor i in range(200): os.write(1, b"x" * 99 + b"\\n")\nimport time\ntime.sleep(0.3)',
    isContained: ({ outcome, prints }) => outcome === 'output-limit' && prints.join('').length <= 1_000,
  },
]

/** Runs one attack in a session of its own; gives up after 2.5 s. */
export async function attack(
  sandbox: Sandbox,
  { language = 'python', limits, code, answer = '1' }: Omit<Attack<string>, 'defence' | 'without' | 'isContained'>,
): Promise<Seen> {
  const session = await sandbox.open({
    language,
    limits: limitsOf({ memoryMb: 64, timeoutMs: 20_000, ...limits }),
    tools: TOOLS,
    context: {},
  })
  try {
    return await run(session, code, answer)
  } finally {
    await session[Symbol.asyncDispose]()
  }
}

export async function run(session: SandboxSession, code: string, answer = '1', patienceMs = 2_500): Promise<Seen> {
  using watch = watchLoop()
  const frames: Frame[] = []
  const start = performance.now()
  const stream = session.execute(code, { step: 1, signal: new AbortController().signal, clock: 1_000_000, seed: 3 })
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), patienceMs)
  })
  const pulled = pull(stream, session, answer, frames).catch((error: { code?: string }) => error.code ?? 'unknown')
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
    ms: performance.now() - start,
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

export function describeSeen(seen: Seen): string {
  return JSON.stringify({ ...seen, frames: seen.frames.slice(0, 8), prints: seen.prints.slice(0, 8) }, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  ).slice(0, 1_000)
}
