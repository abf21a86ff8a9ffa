import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { resolveModel } from '../models.ts'
import { openAiServer } from '../testing/openai-server.ts'
import { askModel } from './ask.ts'
import { importPeer, resolverOf } from './resolve.ts'

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  )

describe('an id', () => {
  test.each([
    ['gpt-5', 'no provider before a colon'],
    ['opanai:gpt-5', 'no provider "opanai"'],
    ['openai:', 'names no model'],
    ['constructor:x', 'no provider "constructor"'],
    [':x', 'no provider ""'],
  ])('%s that leads nowhere is model/unknown and lists those that do', async (id, why) => {
    const error = await failureOf(resolveModel(id, { env: {} }))
    expect(error).toMatchObject({ code: 'model/unknown', message: expect.stringContaining(why) })
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /openai:…, anthropic:…, mistral:…, google:…, bedrock:…, azure:…, huggingface:…, openai-compatible:…, tape:…, script:…/,
      ),
    })
  })

  test('keeps what follows the first colon', async () => {
    const resolve = resolverOf({ p: async (name) => Promise.reject(new Error(name)) }, {})
    expect(await failureOf(resolve('p:a:b/c'))).toMatchObject({ message: 'a:b/c' })
  })
})

describe('a key', () => {
  test.each([
    ['openai:gpt-5', {}, 'OPENAI_API_KEY is not set'],
    ['openai:gpt-5', { OPENAI_API_KEY: '' }, 'OPENAI_API_KEY is empty'],
    ['openai:gpt-5', { OPENAI_API_KEY: '  ' }, 'OPENAI_API_KEY is empty'],
    ['anthropic:claude', {}, 'ANTHROPIC_API_KEY is not set'],
    ['mistral:m', {}, 'MISTRAL_API_KEY is not set'],
    ['google:g', {}, 'GOOGLE_GENERATIVE_AI_API_KEY (or GEMINI_API_KEY, GOOGLE_API_KEY) is not set'],
    ['bedrock:b', {}, 'AWS_REGION (or AWS_DEFAULT_REGION) is not set'],
    ['bedrock:b', { AWS_REGION: 'eu-west-1' }, 'AWS_ACCESS_KEY_ID (or AWS_BEARER_TOKEN_BEDROCK) is not set'],
    ['bedrock:b', { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a' }, 'AWS_SECRET_ACCESS_KEY is not set'],
    ['azure:a', {}, 'AZURE_API_KEY is not set'],
    ['azure:a', { AZURE_API_KEY: 'k' }, 'AZURE_RESOURCE_NAME is not set'],
    ['huggingface:h', { HF_TOKEN: '' }, 'HUGGINGFACE_API_KEY (or HF_TOKEN) is empty'],
  ])('of %s with %j is named', async (id, env, message) => {
    expect(await failureOf(resolveModel(id, { env }))).toMatchObject({
      code: 'config/missing-key',
      message: expect.stringContaining(message),
    })
  })
})

describe('openai-compatible', () => {
  test.each([
    [{ OPENAI_COMPATIBLE_API_KEY: 'own', OPENAI_API_KEY: 'other' }, 'Bearer own'],
    [{ OPENAI_COMPATIBLE_API_KEY: '', OPENAI_API_KEY: 'other' }, 'Bearer other'],
    [{}, undefined],
  ])('with %j sends %s, and asks for usage in streams', async (env, authorization) => {
    await using server = await openAiServer([{ content: 'hi' }])
    const model = await resolveModel('openai-compatible:my-model', { baseUrl: server.baseUrl, env })
    const reply = await askModel(model, { prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }, { stream: true })
    expect(reply).not.toHaveProperty('estimated')
    expect(server.requests[0]?.headers.authorization).toBe(authorization)
    expect(server.requests[0]?.body).toMatchObject({ model: 'my-model', stream: true, stream_options: { include_usage: true } })
  })

  test('takes its address from OPENAI_BASE_URL too, a trailing slash or not', async () => {
    await using server = await openAiServer([{ content: 'hi' }])
    const model = await resolveModel('openai-compatible:m', { env: { OPENAI_BASE_URL: `${server.baseUrl}/` } })
    expect((await askModel(model, { prompt: [] })).text).toBe('hi')
  })

  test.each([
    [{}, '--base-url URL'],
    [{ baseUrl: '', env: { OPENAI_BASE_URL: ' ' } }, 'OPENAI_BASE_URL'],
    [{ baseUrl: 'localhost:8000' }, 'no http or https URL'],
  ])('without a usable address (%j) is refused', async (options, message) => {
    expect(await failureOf(resolveModel('openai-compatible:m', { env: {}, ...options }))).toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining(message),
    })
  })
})

test('a missing package is one line with what installs it', async () => {
  const missing = Object.assign(new Error("Cannot find package '@ai-sdk/mistral' imported from /x"), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(await failureOf(importPeer('@ai-sdk/mistral', () => Promise.reject(missing)))).toMatchObject({
    code: 'config/missing-package',
    message: 'the package @ai-sdk/mistral is not installed: npm install @ai-sdk/mistral',
  })
  const broken = Object.assign(new Error("Cannot find package 'zod' imported from /x"), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(await failureOf(importPeer('@ai-sdk/mistral', () => Promise.reject(broken)))).toMatchObject({
    message: expect.stringContaining("cannot be loaded: Cannot find package 'zod'"),
  })
})

describe('files', () => {
  test.each(['script:/nowhere/a.json', 'tape:/nowhere/a.tape'])('%s is missing', async (id) => {
    expect(await failureOf(resolveModel(id))).toMatchObject({
      code: 'config/missing-file',
      message: expect.stringContaining('/nowhere/a.'),
    })
  })

  test('a script is played', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'troupe-resolve-')), 's.json')
    await writeFile(path, '[{"turns":[{"content":"hello"}]}]')
    expect((await askModel(await resolveModel(`script:${path}`), { prompt: [] })).text).toBe('hello')
  })
})
