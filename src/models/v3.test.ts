import type { LanguageModelV3, LanguageModelV3CallOptions, LanguageModelV3Content, LanguageModelV3StreamPart } from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { usageV4 } from './answer-stream.ts'
import { askModel } from './ask.ts'
import type { LanguageModel, ModelRequest } from './model.ts'

const usage = usageV4(3, 2)
const content: LanguageModelV3Content[] = [
  { type: 'text', text: 'hi' },
  { type: 'file', mediaType: 'image/png', data: new Uint8Array([1, 2, 3]) },
]

function v3(): LanguageModelV3 & { readonly seen: LanguageModelV3CallOptions[] } {
  const seen: LanguageModelV3CallOptions[] = []
  const parts: LanguageModelV3StreamPart[] = [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '0' },
    { type: 'text-delta', id: '0', delta: 'hi' },
    { type: 'text-end', id: '0' },
    { type: 'file', mediaType: 'image/png', data: 'AQID' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
  ]
  return {
    seen,
    specificationVersion: 'v3',
    provider: 'old',
    modelId: 'old-model',
    supportedUrls: {},
    doGenerate: async (options) => (seen.push(options), { content, finishReason: { unified: 'stop', raw: 'stop' }, usage, warnings: [] }),
    doStream: async (options) => (
      seen.push(options),
      { stream: new ReadableStream({ start: (c) => (parts.forEach((part) => c.enqueue(part)), c.close()) }) }
    ),
  }
}

const request: ModelRequest = {
  reasoning: 'high',
  prompt: [
    { role: 'system', content: 's' },
    {
      role: 'user',
      content: [
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'AQID' } },
        { type: 'file', mediaType: 'image/png', data: { type: 'url', url: new URL('http://x/y.png') } },
        { type: 'file', mediaType: 'text/plain', data: { type: 'text', text: 'A' } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'custom', kind: 'a.b' },
        { type: 'text', text: 't' },
        { type: 'tool-call', toolCallId: 'c', toolName: 'f', input: {} },
      ],
    },
    {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId: 'c',
          toolName: 'f',
          output: {
            type: 'content',
            value: [
              { type: 'text', text: 'r' },
              { type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array([1, 2, 3]) } },
            ],
          },
        },
      ],
    },
  ],
}

test.each([true, false])('a model of specification v3 is asked in its own terms and answers in ours (streaming: %s)', async (stream) => {
  const model = v3()
  const reply = await askModel(model, request, { stream })
  expect(reply).toEqual({
    text: 'hi',
    toolCalls: [],
    finishReason: 'stop',
    usage: { inputTokens: 3, outputTokens: 2 },
    modelId: 'old-model',
    attempts: 1,
    content: [
      { type: 'text', text: 'hi' },
      { type: 'file', mediaType: 'image/png', base64: 'AQID' },
    ],
  })
  expect(model.seen[0]).not.toHaveProperty('reasoning')
  expect(model.seen[0]?.prompt).toEqual([
    { role: 'system', content: 's' },
    {
      role: 'user',
      content: [
        { type: 'file', mediaType: 'image/png', data: 'AQID' },
        { type: 'file', mediaType: 'image/png', data: new URL('http://x/y.png') },
        { type: 'file', mediaType: 'text/plain', data: new TextEncoder().encode('A') },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 't' },
        { type: 'tool-call', toolCallId: 'c', toolName: 'f', input: {} },
      ],
    },
    {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId: 'c',
          toolName: 'f',
          output: {
            type: 'content',
            value: [
              { type: 'text', text: 'r' },
              { type: 'image-data', mediaType: 'image/png', data: 'AQID' },
            ],
          },
        },
      ],
    },
  ])
})

test.each([
  ['an older model', { specificationVersion: 'v2' }, 'found specification "v2"'],
  ['an id', 'openai:gpt-5', 'found string'],
  ['nothing', undefined, 'found undefined'],
])('%s is refused with what is wanted', async (_what, model, message) => {
  await expect(askModel(model as LanguageModel, request)).rejects.toMatchObject({
    code: 'model/failed',
    message: expect.stringContaining(message),
  })
})
