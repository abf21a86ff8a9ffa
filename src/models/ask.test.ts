import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { openAiServer, type ServedTurn } from '../testing/openai-server.ts'
import { usageV4 } from './answer-stream.ts'
import { askModel, type AskOptions } from './ask.ts'
import type { ModelDelta, ModelReply, ModelRequest } from './model.ts'
import { assistantMessage } from './reply.ts'

const request: ModelRequest = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'the answer?' }] }] }
const clock = { now: () => 0, sleep: async () => {}, random: () => 0 }
const good: ServedTurn = { content: 'the answer is forty-two', usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }

async function ask(
  turns: readonly ServedTurn[],
  options: AskOptions = {},
  asked = request,
): Promise<{ reply?: ModelReply; error?: unknown; deltas: ModelDelta[]; requests: number }> {
  await using server = await openAiServer(turns)
  const model = createOpenAICompatible({ name: 'test', baseURL: server.baseUrl, includeUsage: true })('test-model')
  const deltas: ModelDelta[] = []
  try {
    const reply = await askModel(model, asked, {
      clock,
      ...(options.stream !== false && { onDelta: (delta) => deltas.push(delta) }),
      ...options,
    })
    return { reply, deltas, requests: server.requests.length }
  } catch (error) {
    return { error, deltas, requests: server.requests.length }
  }
}

describe.each([
  ['streaming', true],
  ['at once', false],
])('%s', (_name, stream) => {
  test('text, usage and model come back as plain data', async () => {
    const { reply } = await ask([good], { stream })
    expect(reply).toEqual({
      text: 'the answer is forty-two',
      toolCalls: [],
      finishReason: 'stop',
      usage: { inputTokens: 11, outputTokens: 7, cachedInputTokens: 0, reasoningTokens: 0 },
      modelId: 'test-model',
      attempts: 1,
    })
    expect(JSON.parse(JSON.stringify(reply))).toEqual(reply)
  })

  test('cached and reasoning tokens are parts of the totals', async () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { cached_tokens: 64 },
      completion_tokens_details: { reasoning_tokens: 30 },
    }
    const { reply } = await ask([{ content: 'x', reasoning: 'let me see', usage }], { stream })
    expect(reply).toMatchObject({
      text: 'x',
      reasoning: 'let me see',
      usage: { inputTokens: 100, outputTokens: 50, cachedInputTokens: 64, reasoningTokens: 30 },
    })
    expect(reply?.content?.map((part) => part.type)).toEqual(['reasoning', 'text'])
  })

  test('usage that the provider does not send is estimated, never zero', async () => {
    const { reply } = await ask([{ content: 'some text', usage: null }], { stream })
    expect(reply).toMatchObject({ estimated: true, usage: { inputTokens: 8, outputTokens: 3 } })
  })

  test('tool calls keep their JSON text', async () => {
    const { reply } = await ask(
      [
        {
          toolCalls: [
            { id: 'a', name: 'quote', arguments: { symbol: 'IBM' } },
            { id: 'b', name: 'clock', arguments: '' },
          ],
        },
      ],
      { stream },
    )
    expect(reply).toMatchObject({
      text: '',
      finishReason: 'tool-calls',
      toolCalls: [
        { id: 'a', name: 'quote', input: '{"symbol":"IBM"}' },
        { id: 'b', name: 'clock', input: '{}' },
      ],
    })
    expect(reply).not.toHaveProperty('content')
  })

  test.each<[string, readonly ServedTurn[], number]>([
    ['429 with retry-after', [{ status: 429, headers: { 'retry-after': '1' } }, good], 2],
    ['503, then 500', [{ status: 503 }, { status: 500 }, good], 3],
    ['502 with a page', [{ status: 502, body: '<html>bad gateway</html>' }, good], 2],
    ['200 cut in the middle', [{ content: 'x'.repeat(400), cutAfter: 2 }, good], 2],
  ])('%s: the next attempt answers', async (_what, turns, attempts) => {
    const { reply, requests } = await ask(turns, { stream })
    expect(reply).toMatchObject({ text: good.content, attempts })
    expect(requests).toBe(attempts)
  })

  test('an empty answer is an answer', async () => {
    expect((await ask([{ content: '' }], { stream })).reply).toMatchObject({ text: '', toolCalls: [], finishReason: 'stop', attempts: 1 })
  })

  test('a provider that never recovers ends as unavailable after four requests', async () => {
    const { error, requests } = await ask([{ status: 500, content: 'down' }], { stream })
    expect(error).toMatchObject({
      code: 'model/unavailable',
      retryable: true,
      message: 'model test-model: status 500: down; gave up after 4 attempts',
      details: { status: 500, attempts: 4, model: 'test-model' },
    })
    expect(requests).toBe(4)
  })

  test('a refusal is not tried again', async () => {
    const { error, requests } = await ask([{ status: 401, content: 'wrong key' }, good], { stream })
    expect(error).toMatchObject({ code: 'model/failed', message: 'model test-model: status 401: wrong key (check the API key)' })
    expect(requests).toBe(1)
  })

  test('an abort ends the call at once', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 30)
    const started = performance.now()
    const { error } = await ask([{ ...good, delayMs: 3_000 }], { stream, signal: stop.signal })
    expect(error).toMatchObject({ code: 'run/cancelled' })
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('an attempt that hangs is given up and tried again', async () => {
    const { reply } = await ask([{ ...good, delayMs: 3_000 }, good], { stream, attemptTimeoutMs: 200 })
    expect(reply).toMatchObject({ text: good.content, attempts: 2 })
  })
})

test('a stream that is cut shows what it had, then the new attempt, and counts both', async () => {
  const { reply, deltas } = await ask([{ content: 'a wrong beginning that goes on', cutAfter: 1 }, good])
  expect(
    deltas
      .filter(({ attempt }) => attempt === 1)
      .map(({ text }) => text)
      .join(''),
  ).toBe('a wrong beginnin')
  expect(
    deltas
      .filter(({ attempt }) => attempt === 2)
      .map(({ text }) => text)
      .join(''),
  ).toBe(good.content)
  expect(reply).toMatchObject({ estimated: true, usage: { inputTokens: 11 + 8, outputTokens: 7 + 6 } })
})

test('streams that are cut for ever fail with what they have cost', async () => {
  const { error } = await ask([{ content: 'x'.repeat(300), cutAfter: 3 }])
  expect(error).toMatchObject({ code: 'model/unavailable', details: { attempts: 4, usage: { inputTokens: 32, outputTokens: 64 } } })
  const priced = await ask([{ content: 'x'.repeat(300), cutAfter: 3 }], { prices: { 'test-model': { input: 1, output: 10 } } })
  expect(priced.error).toMatchObject({ details: { usage: { costUsd: (32 + 640) / 1e6 } } })
})

test('a stream without a finish reason is a cut stream', async () => {
  const { reply } = await ask([{ content: 'short', finishReason: null }, good])
  expect(reply).toMatchObject({ text: good.content, attempts: 2 })
})

test.each(['server_error', 'overloaded_error', 'rate_limit_error'])(
  'an error of type %s inside the stream is tried again',
  async (type) => {
    const { reply } = await ask([{ content: 'so far', streamError: { message: 'oh', type } }, good])
    expect(reply).toMatchObject({ text: good.content, attempts: 2 })
  },
)

test.each(['invalid_request_error', 'authentication_error'])('one of type %s is not', async (type) => {
  const { error, requests } = await ask([{ content: 'so far', streamError: { message: 'oh', type } }, good])
  expect(error).toMatchObject({ code: 'model/failed', message: expect.stringContaining('oh') })
  expect(requests).toBe(1)
})

test('the request reaches the provider whole', async () => {
  await using server = await openAiServer([good])
  const model = createOpenAICompatible({ name: 'test', baseURL: server.baseUrl })('test-model')
  await askModel(model, {
    ...request,
    maxOutputTokens: 99,
    temperature: 0.5,
    stopSequences: ['END'],
    tools: [{ type: 'function', name: 'quote', inputSchema: { type: 'object', properties: {} } }],
    toolChoice: { type: 'required' },
    headers: { 'x-team': 'red' },
    providerOptions: { troupe: { agent: 'boss', step: '1.model' } },
  })
  expect(server.requests[0]?.headers['x-team']).toBe('red')
  expect(server.requests[0]?.body).toEqual({
    model: 'test-model',
    max_tokens: 99,
    temperature: 0.5,
    stop: ['END'],
    messages: [{ role: 'user', content: 'the answer?' }],
    tools: [{ type: 'function', function: { name: 'quote', parameters: { type: 'object', properties: {} } } }],
    tool_choice: 'required',
  })
})

describe('an answer with what the provider wants back', () => {
  const parts: LanguageModelV4StreamPart[] = [
    { type: 'reasoning-start', id: 'r', providerMetadata: { anthropic: { a: 1 } } },
    { type: 'reasoning-delta', id: 'r', delta: 'hm' },
    { type: 'reasoning-delta', id: 'r', delta: '', providerMetadata: { anthropic: { signature: 'sig' } } },
    { type: 'reasoning-end', id: 'r' },
    { type: 'text-start', id: 't' },
    { type: 'text-delta', id: 't', delta: 'done' },
    { type: 'text-end', id: 't', providerMetadata: { openai: { itemId: 'msg_1' } } },
    { type: 'tool-call', toolCallId: 'c', toolName: 'f', input: '{"a":', providerMetadata: { google: { thoughtSignature: 's' } } },
    { type: 'tool-call', toolCallId: 'w', toolName: 'webSearch', input: '{}', providerExecuted: true },
    { type: 'tool-result', toolCallId: 'w', toolName: 'webSearch', result: ['hit'] },
    { type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array([1, 2, 3]) } },
    { type: 'source', sourceType: 'url', id: 's', url: 'http://x' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'end_turn' }, usage: usageV4(1, 1) },
  ]
  const model: LanguageModelV4 = {
    specificationVersion: 'v4',
    provider: 'p',
    modelId: 'm',
    supportedUrls: {},
    doGenerate: async () => Promise.reject(new Error('not asked')),
    doStream: async () => ({ stream: new ReadableStream({ start: (c) => (parts.forEach((part) => c.enqueue(part)), c.close()) }) }),
  }

  test('survives the log and becomes the next prompt verbatim', async () => {
    const reply = await askModel(model, request, { stream: true })
    const logged = JSON.parse(JSON.stringify(reply)) as ModelReply
    expect(logged).toEqual(reply)
    expect(logged.toolCalls).toEqual([{ id: 'c', name: 'f', input: '{"a":' }])
    expect(assistantMessage(logged)).toEqual({
      role: 'assistant',
      content: [
        { type: 'reasoning', text: 'hm', providerOptions: { anthropic: { a: 1, signature: 'sig' } } },
        { type: 'text', text: 'done', providerOptions: { openai: { itemId: 'msg_1' } } },
        {
          type: 'tool-call',
          toolCallId: 'c',
          toolName: 'f',
          input: { unparsable: '{"a":' },
          providerOptions: { google: { thoughtSignature: 's' } },
        },
        { type: 'tool-call', toolCallId: 'w', toolName: 'webSearch', input: {}, providerExecuted: true },
        { type: 'tool-result', toolCallId: 'w', toolName: 'webSearch', output: { type: 'json', value: ['hit'] } },
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'AQID' } },
      ],
    })
  })
})

test('prices go with the usage where they are known', async () => {
  const { reply } = await ask([good], { prices: { 'test-model': { input: 1_000, output: 10_000 } } })
  expect(reply?.usage.costUsd).toBeCloseTo((11 * 1_000 + 7 * 10_000) / 1_000_000, 10)
})
