import { decode, encode } from '../../util/codec.ts'
import type { Execution, Frame, SandboxSession } from '../../sandbox/sandbox.ts'

export type CallFrame = Extract<Frame, { type: 'call' }>
export type EndFrame = Extract<Frame, { type: 'end' }>

export interface DriveOptions {
  readonly step?: number
  readonly clock?: number
  readonly seed?: number
  readonly signal?: AbortSignal
  /** Answers by tool; what one throws is the call's error. A tool without one gives its arguments back. */
  readonly tools?: Readonly<Record<string, (args: unknown) => unknown>>
  /** Which open call is answered next, at each `idle`. Default: the first. `all`: every open one at once. */
  readonly next?: 'all' | ((open: readonly CallFrame[]) => CallFrame)
  readonly onFrame?: (frame: Frame) => void
}

/** One step as its host saw it. */
export interface Driven {
  readonly frames: readonly Frame[]
  /** The frames' types, in order. */
  readonly shape: readonly string[]
  readonly prints: readonly string[]
  readonly calls: readonly { readonly tool: string; readonly args: unknown }[]
  readonly end: EndFrame
  /** The step's value or final answer, decoded; undefined where there is none. */
  readonly value: unknown
  readonly error: Extract<Execution, { type: 'error' }>['error'] | null
}

/** Runs one step and answers its calls, one at each `idle`, as a host that works strictly in turn. */
export async function drive(session: SandboxSession, code: string, options: DriveOptions = {}): Promise<Driven> {
  const {
    step = 1,
    clock = 1_700_000_000_000,
    seed = 7,
    signal = new AbortController().signal,
    next = (open): CallFrame => open[0] as CallFrame,
  } = options
  const frames: Frame[] = []
  let open: CallFrame[] = []
  for await (const frame of session.execute(code, { step, signal, clock, seed })) {
    frames.push(frame)
    options.onFrame?.(frame)
    if (frame.type === 'call') open.push(frame)
    if (frame.type !== 'idle' || open.length === 0) continue
    const answered = next === 'all' ? open : [next(open)]
    open = open.filter((call) => !answered.includes(call))
    for (const call of answered) answer(session, call, options)
  }
  const end = frames.at(-1)
  // plain error: a fault of the sandbox under test
  if (end?.type !== 'end') throw new Error(`the stream ended with ${JSON.stringify(end)}`)
  return { ...summary(frames), frames, shape: frames.map(({ type }) => type), end }
}

function answer(session: SandboxSession, { call, tool, args }: CallFrame, { tools = {} }: DriveOptions): void {
  const run = tools[tool] ?? ((given: unknown): unknown => given)
  try {
    session.reply(call, { ok: true, value: encode(run(decode(args))) })
  } catch (thrown) {
    // plain error: stands for a fault of a user's own tool
    const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown))
    session.reply(call, { ok: false, error: { name, message } })
  }
}

function summary(frames: readonly Frame[]): Pick<Driven, 'prints' | 'calls' | 'value' | 'error'> {
  const end = frames.at(-1)
  const execution = end?.type === 'end' ? end.execution : null
  const text = execution === null || execution.type === 'error' ? undefined : execution.value
  return {
    prints: frames.flatMap((frame) => (frame.type === 'print' ? [frame.text] : [])),
    calls: frames.flatMap((frame) => (frame.type === 'call' ? [{ tool: frame.tool, args: decode(frame.args) }] : [])),
    value: text === undefined ? undefined : decode(text),
    error: execution?.type === 'error' ? execution.error : null,
  }
}
