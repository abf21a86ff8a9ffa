import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { JsonObject, JsonValue } from '../util/json.ts'

/** What the server does with one request. An empty turn is an empty answer. */
export interface ServedTurn {
  readonly content?: string
  readonly reasoning?: string
  readonly toolCalls?: readonly { readonly id?: string; readonly name: string; readonly arguments: JsonValue }[]
  /** Default: `tool_calls` where there are any, else `stop`. `null` leaves it out. */
  readonly finishReason?: string | null
  /** As the API names it (`prompt_tokens`, …). Default: four characters a token. `null` sends none. */
  readonly usage?: JsonObject | null
  readonly delayMs?: number
  /** From 400 on the body is an error in the API's shape, with `content` as its message. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** This body instead of any other. */
  readonly body?: string
  /** The connection is cut after so many pieces of text were streamed, or within the body where nothing is streamed. */
  readonly cutAfter?: number
  /** Sent as an error inside the stream after the text. */
  readonly streamError?: JsonObject
}

export interface ServedRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: ChatRequest
}

/** The part of a chat completions request that tests look at. */
export interface ChatRequest {
  readonly model?: string
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage?: boolean }
  readonly messages?: readonly { readonly role: string; readonly content?: JsonValue }[]
  readonly [other: string]: unknown
}

export interface OpenAiServer extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly baseUrl: string
  /** All requests so far, oldest first. */
  readonly requests: readonly ServedRequest[]
}

/** Turns in order, the last one repeated; or the turn for a request, numbered from 0. */
export type ServedTurns = readonly ServedTurn[] | ((request: ServedRequest, index: number) => ServedTurn)

const PIECE = 16
const CREATED = 1_700_000_000

/**
 * A local server that speaks OpenAI's chat completions, streaming and not, for tests: answers as programmed, and fails
 * as programmed. Listens on a free port of 127.0.0.1; disposing closes it and all its connections.
 * Protocol: https://platform.openai.com/docs/api-reference/chat
 */
export async function openAiServer(turns: ServedTurns): Promise<OpenAiServer> {
  const requests: ServedRequest[] = []
  const turnOf = (request: ServedRequest, index: number): ServedTurn =>
    typeof turns === 'function' ? turns(request, index) : (turns[Math.min(index, turns.length - 1)] ?? {})

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = incoming.url ?? '/'
    if (path.endsWith('/models')) return sendJson(response, 200, { object: 'list', data: [{ id: 'test-model', object: 'model' }] })
    if (!path.endsWith('/chat/completions')) return sendJson(response, 404, errorBody(`no route ${path}`))
    const request: ServedRequest = { path, headers: incoming.headers, body: await readJson(incoming) }
    const index = requests.push(request) - 1
    const turn = turnOf(request, index)
    if (turn.delayMs) await wait(turn.delayMs)
    for (const [name, value] of Object.entries(turn.headers ?? {})) response.setHeader(name, value)
    const status = turn.status ?? 200
    if (turn.body !== undefined) {
      response.writeHead(status).end(turn.body)
    } else if (status >= 400) {
      sendJson(response, status, errorBody(turn.content ?? `status ${status}`))
    } else if (request.body.stream) {
      await sendStream(response, turn, request.body, index)
    } else {
      sendWhole(response, turn, request.body, index)
    }
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy()) // a client that went away, or a turn that throws: a cut connection either way
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
}

function sendWhole(response: ServerResponse, turn: ServedTurn, request: ChatRequest, index: number): void {
  const calls = callsOf(turn, index)
  const usage = usageOf(turn, request)
  const body = JSON.stringify({
    ...headOf(request, index, 'chat.completion'),
    choices: [
      {
        index: 0,
        finish_reason: finishOf(turn),
        message: {
          role: 'assistant',
          content: turn.content ?? null,
          ...(turn.reasoning && { reasoning_content: turn.reasoning }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
      },
    ],
    ...(usage && { usage }),
  })
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  if (turn.cutAfter === undefined) response.end(body)
  else response.write(body.slice(0, body.length / 2), () => response.destroy())
}

async function sendStream(response: ServerResponse, turn: ServedTurn, request: ChatRequest, index: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const head = headOf(request, index, 'chat.completion.chunk')
  const send = (data: JsonObject): Promise<void> => write(response, `data: ${JSON.stringify(data)}\n\n`)
  const sendDelta = (delta: JsonObject, finish: string | null = null): Promise<void> =>
    send({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] })

  await sendDelta({ role: 'assistant', content: '' })
  if (turn.reasoning) await sendDelta({ reasoning_content: turn.reasoning })
  const pieces = piecesOf(turn.content ?? '')
  for (const content of pieces.slice(0, turn.cutAfter)) await sendDelta({ content })
  if (turn.cutAfter !== undefined) return void response.destroy()
  if (turn.streamError) await send({ error: turn.streamError })
  for (const [at, call] of callsOf(turn, index).entries()) {
    const text = call.function.arguments
    const half = Math.ceil(text.length / 2)
    await sendDelta({ tool_calls: [{ index: at, ...call, function: { name: call.function.name, arguments: text.slice(0, half) } }] })
    await sendDelta({ tool_calls: [{ index: at, function: { arguments: text.slice(half) } }] })
  }
  const finish = finishOf(turn)
  if (finish !== null) await sendDelta({}, finish)
  const usage = usageOf(turn, request)
  if (usage && request.stream_options?.include_usage) await send({ ...head, choices: [], usage })
  response.end('data: [DONE]\n\n')
}

function write(response: ServerResponse, text: string): Promise<void> {
  const written = Promise.withResolvers<void>()
  response.write(text, (error) => (error ? written.reject(error) : written.resolve()))
  return written.promise
}

function headOf(request: ChatRequest, index: number, object: string): JsonObject {
  return { id: `chatcmpl-${index}`, object, created: CREATED, model: request.model ?? 'test-model' }
}

function callsOf(turn: ServedTurn, index: number): { id: string; type: 'function'; function: { name: string; arguments: string } }[] {
  return (turn.toolCalls ?? []).map((call, at) => ({
    id: call.id ?? `call_${index}_${at}`,
    type: 'function',
    function: { name: call.name, arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments) },
  }))
}

function finishOf(turn: ServedTurn): string | null {
  return turn.finishReason === undefined ? (turn.toolCalls?.length ? 'tool_calls' : 'stop') : turn.finishReason
}

function usageOf(turn: ServedTurn, request: ChatRequest): JsonObject | null {
  if (turn.usage !== undefined) return turn.usage
  const input = Math.ceil(JSON.stringify(request.messages ?? []).length / 4)
  const output = Math.ceil((turn.content ?? '').length / 4)
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function piecesOf(text: string): string[] {
  return text.match(new RegExp(`[^]{1,${PIECE}}`, 'gu')) ?? []
}

function errorBody(message: string): JsonObject {
  return { error: { message, type: 'test_error', param: null, code: null } }
}

function sendJson(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function readJson(incoming: IncomingMessage): Promise<ChatRequest> {
  let text = ''
  for await (const chunk of incoming.setEncoding('utf8')) text += String(chunk)
  return JSON.parse(text || '{}') as ChatRequest
}
