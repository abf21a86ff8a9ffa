import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { resolveModel } from '../models.ts'
import { openAiServer } from '../testing/openai-server.ts'
import { askModel } from './ask.ts'
import { fallbackModel } from './fallback.ts'
import { imagesAfterResults } from './result-images.ts'
import { estimateRequestTokens } from './usage.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const call = (id: string) => ({ type: 'tool-call' as const, toolCallId: id, toolName: 'draw', input: {} })
const result = (id: string, data: string = PNG) => ({
  type: 'tool-result' as const,
  toolCallId: id,
  toolName: 'draw',
  output: {
    type: 'content' as const,
    value: [
      { type: 'text' as const, text: `chart ${id}` },
      { type: 'file' as const, mediaType: 'image/png', data: { type: 'data' as const, data } },
    ],
  },
})
const prompt: LanguageModelV4Prompt = [
  { role: 'user', content: [{ type: 'text', text: 'Draw two.' }] },
  { role: 'assistant', content: [call('c1'), call('c2')] },
  { role: 'tool', content: [result('c1'), result('c2')] },
]
const URL_OF_PNG = `data:image/png;base64,${PNG}`

test.each([false, true])(
  'chat completions get the text as tool messages and then the images from the user (behind a fallback: %s)',
  async (isBehind) => {
    await using server = await openAiServer([{ content: 'Two.' }])
    const model = await resolveModel('openai-compatible:m', { baseUrl: server.baseUrl, env: {} })
    await askModel(isBehind ? fallbackModel([model]) : model, { prompt })
    expect(server.requests[0]?.body.messages?.slice(2)).toEqual([
      { role: 'tool', tool_call_id: 'c1', content: 'chart c1' },
      { role: 'tool', tool_call_id: 'c2', content: 'chart c2' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'The images of the results above:' },
          { type: 'image_url', image_url: { url: URL_OF_PNG } },
          { type: 'image_url', image_url: { url: URL_OF_PNG } },
        ],
      },
    ])
  },
)

/** What the provider's package sends to a server of ours; the answer does not matter. */
async function sentBy(id: string, env: Readonly<Record<string, string>>, root: string, asked = prompt): Promise<unknown> {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request
      .on('data', (chunk) => (body += String(chunk)))
      .on('end', () => {
        bodies.push(body)
        response.writeHead(400, { 'content-type': 'application/json' }).end('{}')
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const model = await resolveModel(id, { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${root}`, env })
    await askModel(model, { prompt: asked, tools: [{ type: 'function', name: 'draw', inputSchema: { type: 'object' } }] }).catch(() => {})
    return JSON.parse(bodies[0] ?? 'null')
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const userImage = { role: 'user', content: expect.arrayContaining([{ type: 'input_image', image_url: URL_OF_PNG }]) as unknown }
test.each([
  [
    'openai:gpt-5',
    { OPENAI_API_KEY: 'k' },
    '/v1',
    {
      input: expect.arrayContaining([
        expect.objectContaining({
          type: 'function_call_output',
          call_id: 'c1',
          output: [{ type: 'input_text', text: 'chart c1' }, expect.objectContaining({ type: 'input_image', image_url: URL_OF_PNG })],
        }),
      ]) as unknown,
    },
  ],
  [
    'azure:my-gpt',
    { AZURE_API_KEY: 'k' },
    '/openai',
    {
      input: expect.arrayContaining([
        expect.objectContaining({
          type: 'function_call_output',
          call_id: 'c2',
          output: [{ type: 'input_text', text: 'chart c2' }, expect.objectContaining({ type: 'input_image', image_url: URL_OF_PNG })],
        }),
      ]) as unknown,
    },
  ],
  [
    'anthropic:claude-sonnet-4-5',
    { ANTHROPIC_API_KEY: 'k' },
    '/v1',
    {
      messages: expect.arrayContaining([
        {
          role: 'user',
          content: ['c1', 'c2'].map(
            (id) =>
              expect.objectContaining({
                type: 'tool_result',
                tool_use_id: id,
                content: [
                  { type: 'text', text: `chart ${id}` },
                  { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
                ],
              }) as unknown,
          ),
        },
      ]) as unknown,
    },
  ],
  [
    'google:gemini-3-pro-preview',
    { GEMINI_API_KEY: 'k' },
    '/v1beta',
    {
      contents: expect.arrayContaining([
        expect.objectContaining({
          parts: ['c1', 'c2'].map((id) => ({
            functionResponse: expect.objectContaining({
              name: 'draw',
              response: { name: 'draw', content: `chart ${id}` },
              parts: [{ inlineData: { mimeType: 'image/png', data: PNG } }],
            }) as unknown,
          })),
        }),
      ]) as unknown,
    },
  ],
  [
    'google:gemini-2.5-flash',
    { GEMINI_API_KEY: 'k' },
    '/v1beta',
    {
      contents: expect.arrayContaining([
        expect.objectContaining({
          parts: expect.arrayContaining([
            { inlineData: { mimeType: 'image/png', data: PNG } },
            { functionResponse: expect.objectContaining({ response: { name: 'draw', content: 'chart c2' } }) as unknown },
          ]) as unknown,
        }),
      ]) as unknown,
    },
  ],
  [
    'bedrock:eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
    { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'k' },
    '',
    {
      messages: expect.arrayContaining([
        {
          role: 'user',
          content: ['c1', 'c2'].map((id) => ({
            toolResult: expect.objectContaining({
              toolUseId: id,
              content: [{ text: `chart ${id}` }, { image: { format: 'png', source: { bytes: PNG } } }],
            }) as unknown,
          })),
        },
      ]) as unknown,
    },
  ],
  [
    'mistral:mistral-small-latest',
    { MISTRAL_API_KEY: 'k' },
    '/v1',
    {
      messages: expect.arrayContaining([
        expect.objectContaining({ role: 'tool', content: 'chart c2' }),
        { role: 'user', content: expect.arrayContaining([{ type: 'image_url', image_url: URL_OF_PNG }]) as unknown },
      ]) as unknown,
    },
  ],
  ['huggingface:org/model', { HF_TOKEN: 'k' }, '/v1', { input: expect.arrayContaining([userImage]) as unknown }],
] as const)('%s is sent the images in the way that it takes', async (id, env, root, wanted) => {
  expect(await sentBy(id, env, root)).toMatchObject(wanted)
})

test('a prompt without images in results is the same one', () => {
  const plain: LanguageModelV4Prompt = [{ role: 'tool', content: [{ ...result('c1'), output: { type: 'text', value: 't' } }] }]
  expect(imagesAfterResults(plain)).toEqual(plain)
})

test('the bytes of an image are not counted as text', () => {
  const large = 'A'.repeat(1_000_000)
  expect(estimateRequestTokens({ prompt: [{ role: 'tool', content: [result('c1', large)] }] })).toBeLessThan(2_000)
})

test.each([
  ['mistral:mistral-small-latest', { MISTRAL_API_KEY: 'k' }],
  ['openai-compatible:mistralai/Devstral-Small-2', {}],
])('%s gets an assistant message between results and a user message, with images and without', async (id, env) => {
  const after: LanguageModelV4Prompt = [
    ...prompt,
    { role: 'assistant', content: [call('c3')] },
    { role: 'tool', content: [{ ...result('c3'), output: { type: 'text', value: 'plain' } }] },
    { role: 'user', content: [{ type: 'text', text: 'Answer now.' }] },
  ]
  const { messages } = (await sentBy(id, env, '/v1', after)) as { messages: readonly { role: string }[] }
  expect(messages.map(({ role }) => role)).toEqual('user assistant tool tool assistant user assistant tool assistant user'.split(' '))
})
