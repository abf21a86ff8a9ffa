import { cpuSince, type Sample } from './rounds.ts'

/** What of a call is read: the same in every version of the port. */
interface StubCall {
  readonly prompt: readonly { readonly role: string }[]
}

type Content = { type: 'text'; text: string } | { type: 'tool-call'; toolCallId: string; toolName: string; input: string }

interface Result {
  readonly content: Content[]
  readonly finishReason: { unified: 'stop' | 'tool-calls'; raw: undefined }
  readonly usage: {
    readonly inputTokens: { total: number; noCache: number; cacheRead: undefined; cacheWrite: undefined }
    readonly outputTokens: { total: number; text: number; reasoning: undefined }
  }
  readonly warnings: []
}

type Part =
  | { type: 'stream-start'; warnings: [] }
  | { type: 'text-start' | 'text-end'; id: string }
  | { type: 'text-delta'; id: string; delta: string }
  | Extract<Content, { type: 'tool-call' }>
  | { type: 'finish'; finishReason: Result['finishReason']; usage: Result['usage'] }

/** The `n`-th answer (from 0) of one conversation: text, or a tool call. */
export type Turn = string | { readonly tool: string; readonly input: object }

/** Typed by what it gives, so that it is a model to Troupe and to `ai`, whose copies of the port's types differ. */
export interface StubModel {
  readonly specificationVersion: 'v4'
  readonly provider: string
  readonly modelId: string
  readonly supportedUrls: Record<string, RegExp[]>
  /** When each call came in, `performance.now()`. The time between two is one whole step. */
  readonly marks: number[]
  doGenerate(call: StubCall): Promise<Result>
  doStream(call: StubCall): Promise<{ stream: ReadableStream<Part> }>
}

export interface StubOptions {
  /** How long an answer takes. Default: none. */
  readonly delayMs?: number
  /** Called before each answer. */
  readonly onCall?: (turn: number) => Promise<void> | void
}

/**
 * A model that costs next to nothing: its answer is chosen by the number of assistant messages in the prompt, so parallel
 * runs and resumed ones get the right one. Streams in one piece, as fast as a stream goes.
 */
export function stubModel(answer: (turn: number) => Turn, { delayMs, onCall }: StubOptions = {}): StubModel {
  const marks: number[] = []
  const result = async ({ prompt }: StubCall): Promise<Result> => {
    marks.push(performance.now())
    let turn = 0
    for (const message of prompt) if (message.role === 'assistant') turn++
    if (onCall) await onCall(turn)
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs))
    return resultOf(turn, answer(turn))
  }
  return {
    specificationVersion: 'v4',
    provider: 'stub',
    modelId: 'stub',
    supportedUrls: {},
    marks,
    doGenerate: result,
    doStream: async (call) => ({ stream: streamOf(await result(call)) }),
  }
}

function resultOf(turn: number, answer: Turn): Result {
  const content: Content =
    typeof answer === 'string'
      ? { type: 'text', text: answer }
      : { type: 'tool-call', toolCallId: `call_${turn}`, toolName: answer.tool, input: JSON.stringify(answer.input) }
  return {
    content: [content],
    finishReason: { unified: typeof answer === 'string' ? 'stop' : 'tool-calls', raw: undefined },
    usage: {
      inputTokens: { total: 100, noCache: 100, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: 10, text: 10, reasoning: undefined },
    },
    warnings: [],
  }
}

function streamOf({ content, finishReason, usage }: Result): ReadableStream<Part> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue({ type: 'stream-start', warnings: [] })
      for (const part of content) {
        if (part.type === 'text') {
          controller.enqueue({ type: 'text-start', id: '0' })
          controller.enqueue({ type: 'text-delta', id: '0', delta: part.text })
          controller.enqueue({ type: 'text-end', id: '0' })
        } else controller.enqueue(part)
      }
      controller.enqueue({ type: 'finish', finishReason, usage })
      controller.close()
    },
  })
}

/**
 * The mean time of the steps of a run, from one call of `model` to the next, without the first `skip`: a session opens in
 * the first, and its thread makes a spare one in the second. CPU is the whole run's, spread over its calls.
 */
export async function betweenCalls(model: StubModel, work: () => PromiseLike<unknown>, skip: number = 0): Promise<Sample> {
  model.marks.length = 0
  const cpu = process.cpuUsage()
  await work()
  const cpuMs = cpuSince(cpu) / model.marks.length
  const [first, last] = [model.marks[skip], model.marks.at(-1)]
  if (first === undefined || last === undefined || first === last) throw new Error(`the model was asked ${model.marks.length} times`)
  return { value: (last - first) / (model.marks.length - 1 - skip), cpuMs }
}
