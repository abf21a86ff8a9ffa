import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { resolveModel } from '../../models.ts'
import { askModel } from '../ask.ts'
import type { ModelReply } from '../model.ts'

/*
 * Each provider over its real package, against a local server that answers as the provider's documentation says it does. The bodies are
 * written by hand after the pages named above them; no recording of a real service is in here.
 */

interface Fixture {
  readonly id: string
  readonly env: Readonly<Record<string, string>>
  /** What the base URL ends in. */
  readonly root: string
  readonly path: string
  readonly streamPath: string
  readonly body: object
  readonly stream: string | Uint8Array
  readonly auth: readonly [header: string, value: string | RegExp]
  readonly reply: Partial<ModelReply>
  readonly fault: { readonly status: number; readonly body: object | string; readonly says: string; readonly code: string }
}

const sse = (...events: readonly object[]): string => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const namedSse = (...events: readonly { readonly type: string; readonly [field: string]: unknown }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')

// The Responses API of OpenAI: https://platform.openai.com/docs/api-reference/responses/object and …/responses-streaming;
// Azure serves the same under /openai/v1: https://learn.microsoft.com/azure/ai-foundry/openai/latest
const responsesUsage = {
  input_tokens: 36,
  input_tokens_details: { cached_tokens: 12 },
  output_tokens: 87,
  output_tokens_details: { reasoning_tokens: 64 },
  total_tokens: 123,
}
const responsesMessage = (text: string): object => ({
  type: 'message',
  id: 'msg_1',
  status: 'completed',
  role: 'assistant',
  content: [{ type: 'output_text', text, annotations: [] }],
})
const responsesObject = (model: string, output: readonly object[], status = 'completed'): object => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1_741_476_542,
  status,
  error: null,
  incomplete_details: null,
  model,
  output,
  instructions: null,
  max_output_tokens: null,
  metadata: null,
  temperature: 1,
  top_p: 1,
  tool_choice: 'auto',
  tools: [],
  ...(status === 'completed' && { usage: responsesUsage }),
})
const responsesStream = (model: string): string =>
  namedSse(
    { type: 'response.created', sequence_number: 0, response: responsesObject(model, [], 'in_progress') },
    {
      type: 'response.output_item.added',
      sequence_number: 1,
      output_index: 0,
      item: { type: 'message', id: 'msg_1', status: 'in_progress', role: 'assistant', content: [] },
    },
    {
      type: 'response.output_text.delta',
      sequence_number: 2,
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      delta: 'forty',
      logprobs: [],
    },
    {
      type: 'response.output_text.delta',
      sequence_number: 3,
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      delta: '-two',
      logprobs: [],
    },
    { type: 'response.output_item.done', sequence_number: 4, output_index: 0, item: responsesMessage('forty-two') },
    { type: 'response.completed', sequence_number: 5, response: responsesObject(model, [responsesMessage('forty-two')]) },
  )
const responsesReply = {
  text: 'forty-two',
  finishReason: 'stop' as const,
  usage: { inputTokens: 36, outputTokens: 87, cachedInputTokens: 12, reasoningTokens: 64 },
}

/** AWS's binary event stream: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and the Transcribe guide, "Event stream encoding". */
function awsEvent(type: string, payload: object): Buffer {
  const header = (name: string, value: string): Buffer => {
    const length = Buffer.alloc(3)
    length.writeUInt8(7, 0) // the value is a string
    length.writeUInt16BE(Buffer.byteLength(value), 1)
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)])
  }
  const headers = Buffer.concat([
    header(':event-type', type),
    header(':content-type', 'application/json'),
    header(':message-type', 'event'),
  ])
  const body = Buffer.from(JSON.stringify(payload))
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(headers.length + body.length + 16, 0)
  prelude.writeUInt32BE(headers.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const message = Buffer.concat([prelude, headers, body])
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(message), 0)
  return Buffer.concat([message, sum])
}

const FIXTURES: readonly Fixture[] = [
  {
    id: 'openai:gpt-5',
    env: { OPENAI_API_KEY: 'key-1' },
    root: '/v1',
    path: '/v1/responses',
    streamPath: '/v1/responses',
    auth: ['authorization', 'Bearer key-1'],
    body: responsesObject('gpt-5-2025-08-07', [responsesMessage('forty-two')]),
    stream: responsesStream('gpt-5-2025-08-07'),
    reply: {
      ...responsesReply,
      modelId: 'gpt-5-2025-08-07',
      usage: { ...responsesReply.usage, costUsd: (24 * 1.25 + 12 * 0.125 + 87 * 10) / 1e6 },
    },
    // https://platform.openai.com/docs/guides/error-codes
    fault: {
      status: 429,
      body: { error: { message: 'Rate limit reached for gpt-5', type: 'requests', param: null, code: 'rate_limit_exceeded' } },
      says: 'Rate limit reached',
      code: 'model/unavailable',
    },
  },
  {
    id: 'azure:my-deployment',
    env: { AZURE_API_KEY: 'key-2' },
    root: '/openai/v1',
    path: '/openai/v1/responses',
    streamPath: '/openai/v1/responses',
    auth: ['api-key', 'key-2'],
    body: responsesObject('gpt-5-mini', [responsesMessage('forty-two')]),
    stream: responsesStream('gpt-5-mini'),
    reply: {
      ...responsesReply,
      modelId: 'gpt-5-mini',
      usage: { ...responsesReply.usage, costUsd: (24 * 0.25 + 12 * 0.025 + 87 * 2) / 1e6 },
    },
    fault: {
      status: 404,
      body: { error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' } },
      says: 'does not exist',
      code: 'model/failed',
    },
  },
  {
    // https://huggingface.co/docs/inference-providers/guides/responses-api (the shape is OpenAI's)
    id: 'huggingface:Qwen/Qwen3-32B',
    env: { HF_TOKEN: 'key-3' },
    root: '/v1',
    path: '/v1/responses',
    streamPath: '/v1/responses',
    auth: ['authorization', 'Bearer key-3'],
    body: responsesObject('Qwen/Qwen3-32B', [responsesMessage('forty-two')]),
    stream: responsesStream('Qwen/Qwen3-32B'),
    reply: { ...responsesReply, modelId: 'Qwen/Qwen3-32B' },
    fault: { status: 503, body: { error: { message: 'Service Unavailable' } }, says: 'Service Unavailable', code: 'model/unavailable' },
  },
  {
    // https://docs.claude.com/en/api/messages and …/en/docs/build-with-claude/streaming; tokens in the cache are not part of input_tokens
    id: 'anthropic:claude-sonnet-4-5',
    env: { ANTHROPIC_API_KEY: 'key-4' },
    root: '/v1',
    path: '/v1/messages',
    streamPath: '/v1/messages',
    auth: ['x-api-key', 'key-4'],
    body: {
      id: 'msg_01',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5-20250929',
      content: [
        { type: 'thinking', thinking: 'six times seven', signature: 'c2ln' },
        { type: 'text', text: 'forty-two' },
      ],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 10, cache_creation_input_tokens: 100, cache_read_input_tokens: 1000, output_tokens: 20 },
    },
    stream: namedSse(
      {
        type: 'message_start',
        message: {
          id: 'msg_01',
          type: 'message',
          role: 'assistant',
          model: 'claude-sonnet-4-5-20250929',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 10, cache_creation_input_tokens: 100, cache_read_input_tokens: 1000, output_tokens: 1 },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'ping' },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'six times seven' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'forty' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: '-two' } },
      { type: 'content_block_stop', index: 1 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 20 } },
      { type: 'message_stop' },
    ),
    reply: {
      text: 'forty-two',
      reasoning: 'six times seven',
      finishReason: 'stop',
      modelId: 'claude-sonnet-4-5-20250929',
      usage: { inputTokens: 1110, outputTokens: 20, cachedInputTokens: 1000, costUsd: (10 * 3 + 1000 * 0.3 + 100 * 3.75 + 20 * 15) / 1e6 },
      content: [
        { type: 'reasoning', text: 'six times seven', providerOptions: { anthropic: { signature: 'c2ln' } } },
        { type: 'text', text: 'forty-two' },
      ],
    },
    // https://docs.claude.com/en/api/errors
    fault: {
      status: 529,
      body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      says: 'Overloaded',
      code: 'model/unavailable',
    },
  },
  {
    // https://ai.google.dev/api/generate-content; thoughts are counted beside candidatesTokenCount
    id: 'google:gemini-2.5-flash',
    env: { GEMINI_API_KEY: 'key-5' },
    root: '/v1beta',
    path: '/v1beta/models/gemini-2.5-flash:generateContent',
    streamPath: '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
    auth: ['x-goog-api-key', 'key-5'],
    body: {
      candidates: [{ content: { parts: [{ text: 'forty-two' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
      usageMetadata: {
        promptTokenCount: 40,
        cachedContentTokenCount: 16,
        candidatesTokenCount: 5,
        thoughtsTokenCount: 30,
        totalTokenCount: 75,
      },
      modelVersion: 'gemini-2.5-flash',
      responseId: 'r1',
    },
    stream: sse(
      {
        candidates: [{ content: { parts: [{ text: 'forty' }], role: 'model' }, index: 0 }],
        usageMetadata: { promptTokenCount: 40, totalTokenCount: 40 },
        modelVersion: 'gemini-2.5-flash',
      },
      {
        candidates: [{ content: { parts: [{ text: '-two' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
        usageMetadata: {
          promptTokenCount: 40,
          cachedContentTokenCount: 16,
          candidatesTokenCount: 5,
          thoughtsTokenCount: 30,
          totalTokenCount: 75,
        },
        modelVersion: 'gemini-2.5-flash',
      },
    ),
    reply: {
      text: 'forty-two',
      finishReason: 'stop',
      modelId: 'gemini-2.5-flash',
      usage: {
        inputTokens: 40,
        outputTokens: 35,
        cachedInputTokens: 16,
        reasoningTokens: 30,
        costUsd: (24 * 0.3 + 16 * 0.03 + 35 * 2.5) / 1e6,
      },
    },
    fault: {
      status: 400,
      body: { error: { code: 400, message: 'Invalid value at contents', status: 'INVALID_ARGUMENT' } },
      says: 'Invalid value at contents',
      code: 'model/failed',
    },
  },
  {
    // https://docs.mistral.ai/api/#tag/chat
    id: 'mistral:mistral-small-latest',
    env: { MISTRAL_API_KEY: 'key-6' },
    root: '/v1',
    path: '/v1/chat/completions',
    streamPath: '/v1/chat/completions',
    auth: ['authorization', 'Bearer key-6'],
    body: {
      id: 'cmpl-1',
      object: 'chat.completion',
      created: 1_702_256_327,
      model: 'mistral-small-latest',
      choices: [{ index: 0, message: { role: 'assistant', content: 'forty-two', tool_calls: null }, finish_reason: 'length' }],
      usage: { prompt_tokens: 16, completion_tokens: 34, total_tokens: 50 },
    },
    stream:
      sse(
        {
          id: 'cmpl-1',
          object: 'chat.completion.chunk',
          created: 1,
          model: 'mistral-small-latest',
          choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
        },
        {
          id: 'cmpl-1',
          object: 'chat.completion.chunk',
          created: 1,
          model: 'mistral-small-latest',
          choices: [{ index: 0, delta: { content: 'forty-two' }, finish_reason: null }],
        },
        {
          id: 'cmpl-1',
          object: 'chat.completion.chunk',
          created: 1,
          model: 'mistral-small-latest',
          choices: [{ index: 0, delta: { content: '' }, finish_reason: 'length' }],
          usage: { prompt_tokens: 16, completion_tokens: 34, total_tokens: 50 },
        },
      ) + 'data: [DONE]\n\n',
    reply: {
      text: 'forty-two',
      finishReason: 'length',
      modelId: 'mistral-small-latest',
      usage: { inputTokens: 16, outputTokens: 34, costUsd: (16 * 0.1 + 34 * 0.3) / 1e6 },
    },
    fault: {
      status: 401,
      body: { object: 'error', message: 'Unauthorized', type: 'invalid_request_error', param: null, code: null },
      says: 'check the API key',
      code: 'model/failed',
    },
  },
  {
    // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and …API_runtime_ConverseStream.html
    id: 'bedrock:eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
    env: { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'key-7' },
    root: '',
    path: '/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse',
    streamPath: '/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream',
    auth: ['authorization', /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/eu-central-1\/bedrock\/aws4_request/],
    body: {
      output: { message: { role: 'assistant', content: [{ text: 'forty-two' }] } },
      stopReason: 'end_turn',
      usage: { inputTokens: 30, outputTokens: 12, totalTokens: 50, cacheReadInputTokens: 8, cacheWriteInputTokens: 0 },
      metrics: { latencyMs: 551 },
    },
    stream: Buffer.concat([
      awsEvent('messageStart', { role: 'assistant' }),
      awsEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'forty' } }),
      awsEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: '-two' } }),
      awsEvent('contentBlockStop', { contentBlockIndex: 0 }),
      awsEvent('messageStop', { stopReason: 'end_turn' }),
      awsEvent('metadata', {
        usage: { inputTokens: 30, outputTokens: 12, totalTokens: 50, cacheReadInputTokens: 8, cacheWriteInputTokens: 0 },
        metrics: { latencyMs: 551 },
      }),
    ]),
    reply: {
      text: 'forty-two',
      finishReason: 'stop',
      modelId: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
      usage: { inputTokens: 38, outputTokens: 12, cachedInputTokens: 8, costUsd: (30 * 3 + 8 * 0.3 + 12 * 15) / 1e6 },
    },
    fault: {
      status: 429,
      body: { message: 'Too many requests, please wait before trying again.' },
      says: 'Too many requests',
      code: 'model/unavailable',
    },
  },
]

interface Served {
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

async function serving<T>(
  answer: { status?: number; body: string | Uint8Array; type: string },
  use: (root: string, served: Served[]) => Promise<T>,
): Promise<T> {
  const served: Served[] = []
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      served.push({ url: request.url ?? '', headers: request.headers })
      response.writeHead(answer.status ?? 200, { 'content-type': answer.type }).end(answer.body)
    })
  })
  const up = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', up.resolve)
  await up.promise
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, served)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'six times seven?' }] }]
const clock = { now: () => 0, sleep: async () => {}, random: () => 0 }

describe.each(FIXTURES)('$id', (fixture) => {
  const check = (reply: ModelReply, served: readonly Served[], path: string): void => {
    const { usage, ...rest } = fixture.reply
    expect(reply).toMatchObject(rest)
    expect(reply.usage).toMatchObject({
      ...usage,
      ...(usage?.costUsd !== undefined && { costUsd: expect.closeTo(usage.costUsd, 12) as number }),
    })
    expect(reply).not.toHaveProperty('estimated')
    expect(JSON.parse(JSON.stringify(reply))).toEqual(reply)
    expect(served).toHaveLength(1)
    expect(served[0]?.url).toBe(path)
    const [header, value] = fixture.auth
    expect(served[0]?.headers[header]).toEqual(typeof value === 'string' ? value : expect.stringMatching(value))
  }

  test('answers at once', () =>
    serving({ body: JSON.stringify(fixture.body), type: 'application/json' }, async (root, served) => {
      const model = await resolveModel(fixture.id, { baseUrl: root + fixture.root, env: fixture.env })
      check(await askModel(model, { prompt }), served, fixture.path)
    }))

  test('answers in a stream', () =>
    serving(
      { body: fixture.stream, type: typeof fixture.stream === 'string' ? 'text/event-stream' : 'application/vnd.amazon.eventstream' },
      async (root, served) => {
        const model = await resolveModel(fixture.id, { baseUrl: root + fixture.root, env: fixture.env })
        let shown = ''
        const reply = await askModel(model, { prompt }, { onDelta: ({ text }) => (shown += text) })
        check(reply, served, fixture.streamPath)
        expect(shown).toBe(fixture.reply.text)
      },
    ))

  test('a stream that ends early is not an answer', () => {
    const half = fixture.stream.slice(0, fixture.stream.length * 0.55)
    return serving(
      { body: half, type: typeof half === 'string' ? 'text/event-stream' : 'application/vnd.amazon.eventstream' },
      async (root, served) => {
        const model = await resolveModel(fixture.id, { baseUrl: root + fixture.root, env: fixture.env })
        await expect(askModel(model, { prompt }, { stream: true, clock })).rejects.toMatchObject({
          code: 'model/unavailable',
          details: { attempts: 4 },
        })
        expect(served).toHaveLength(4)
      },
    )
  })

  test(`status ${fixture.fault.status} is ${fixture.fault.code}`, () => {
    const { status, body, says, code } = fixture.fault
    return serving({ status, body: JSON.stringify(body), type: 'application/json' }, async (root, served) => {
      const model = await resolveModel(fixture.id, { baseUrl: root + fixture.root, env: fixture.env })
      await expect(askModel(model, { prompt }, { clock })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(says),
        details: { status },
      })
      expect(served).toHaveLength(code === 'model/unavailable' ? 4 : 1) // the packages do not retry by themselves
    })
  })
})
