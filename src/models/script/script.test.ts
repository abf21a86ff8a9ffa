import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LanguageModelV4Message } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { TroupeError } from '../../errors/troupe-error.ts'
import { askModel } from '../ask.ts'
import { assistantMessage } from '../reply.ts'
import { loadScript, scriptModel, type Script } from './script.ts'

const user = (text: string): LanguageModelV4Message => ({ role: 'user', content: [{ type: 'text', text }] })
const said = (text: string): LanguageModelV4Message => assistantMessage({ text, toolCalls: [] })
const as = (agent: string, extra: { turn?: number } = {}): { providerOptions: { troupe: { agent: string; turn?: number } } } => ({
  providerOptions: { troupe: { agent, ...extra } },
})
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

const script: Script = [
  { turns: [{ content: 'anybody, first' }, { content: 'anybody, second' }] },
  { agent: 'boss', when: 'again', turns: [{ content: 'boss, asked again' }] },
  {
    agent: 'boss',
    turns: [{ content: 'boss, first', toolCalls: [{ name: 'quote', arguments: { symbol: 'IBM' } }] }, { content: 'boss, second' }],
  },
]

describe('which turn is played', () => {
  test('follows from the prompt alone, so asking twice or in a new process gives the same', async () => {
    for (const model of [scriptModel(script), scriptModel(script)]) {
      for (let again = 0; again < 2; again++) {
        expect((await askModel(model, { prompt: [user('go')], ...as('boss') })).text).toBe('boss, first')
        expect((await askModel(model, { prompt: [user('go'), said('x'), user('on')], ...as('boss') })).text).toBe('boss, second')
      }
    }
  })

  test('belongs to the agent of the mark, else to one named in the system prompt, else to any', async () => {
    const model = scriptModel(script)
    const system = (content: string): LanguageModelV4Message => ({ role: 'system', content })
    expect((await askModel(model, { prompt: [user('go')], ...as('coder') })).text).toBe('anybody, first')
    expect((await askModel(model, { prompt: [system('You are boss, the lead.'), user('go')] })).text).toBe('boss, first')
    expect((await askModel(model, { prompt: [system('You are bossy.'), user('go')] })).text).toBe('anybody, first')
    expect((await askModel(model, { prompt: [system('You are boss.'), user('go')], ...as('coder') })).text).toBe('anybody, first')
  })

  test('may depend on the task, and stays with it when later messages match another part', async () => {
    const model = scriptModel(script)
    expect((await askModel(model, { prompt: [user('AGAIN please')], ...as('boss') })).text).toBe('boss, asked again')
    expect((await askModel(model, { prompt: [user('go'), said('x'), user('again')], ...as('boss') })).text).toBe('boss, second')
  })

  test('can be given, for prompts that were shortened', async () => {
    expect((await askModel(scriptModel(script), { prompt: [user('go')], ...as('boss', { turn: 1 }) })).text).toBe('boss, second')
  })

  test('an exhausted script says whose and which turn, and is not retried', async () => {
    const error = await failureOf(
      askModel(scriptModel(script), { prompt: [user('go'), said('1'), user('a'), said('2'), user('b')], ...as('boss') }),
    )
    expect(TroupeError.is(error, 'model/no-turn') && [error.retryable, error.message, error.details]).toEqual([
      false,
      'the script has 2 turns for boss, and turn 3 was asked for',
      { agent: 'boss', turn: 2 },
    ])
  })
})

test('streams in pieces what it answers at once, with the same usage', async () => {
  const model = scriptModel([
    { turns: [{ content: 'a text that is longer than a single piece of it 🎭', toolCalls: [{ name: 'f', arguments: '{"a":1}' }] }] },
  ])
  const pieces: string[] = []
  const whole = await askModel(model, { prompt: [user('go')] })
  const streamed = await askModel(model, { prompt: [user('go')] }, { onDelta: ({ text }) => pieces.push(text) })
  expect(streamed).toEqual(whole)
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.join('')).toBe(whole.text)
  expect(whole).toMatchObject({
    toolCalls: [{ id: 'call_0_0', name: 'f', input: '{"a":1}' }],
    finishReason: 'tool-calls',
    usage: { inputTokens: 1, outputTokens: 15, costUsd: 0 },
  })
})

test('a turn can fail like a provider', async () => {
  const clock = { now: () => 0, sleep: async () => {}, random: () => 0 }
  const down = scriptModel([{ turns: [{ error: { message: 'down', status: 503 } }] }])
  expect(await failureOf(askModel(down, { prompt: [user('x')] }, { clock }))).toMatchObject({
    code: 'model/unavailable',
    details: { status: 503, attempts: 4 },
  })
  const refused = scriptModel([{ turns: [{ error: 'no' }] }])
  expect(await failureOf(askModel(refused, { prompt: [user('x')] }))).toMatchObject({ code: 'model/failed' })
})

test('waiting for a delayed turn ends with the signal', async () => {
  const slow = scriptModel([{ turns: [{ content: 'late', delayMs: 60_000 }] }])
  const stop = new AbortController()
  const asked = failureOf(askModel(slow, { prompt: [user('x')] }, { signal: stop.signal }))
  stop.abort()
  expect(await asked).toMatchObject({ code: 'run/cancelled' })
})

describe('a script file', () => {
  const file = async (text: string): Promise<string> => {
    const path = join(await mkdtemp(join(tmpdir(), 'troupe-script-')), 'script.json')
    await writeFile(path, text)
    return path
  }

  test('is played', async () => {
    const model = await loadScript(await file('[{"turns":[{"content":"hello"}]}]'))
    expect((await askModel(model, { prompt: [user('x')] })).text).toBe('hello')
  })

  test('may have the lines of a turn as a list', async () => {
    const model = await loadScript(await file('[{"turns":[{"content":["one","","  three"]},{"content":[]}]}]'))
    expect((await askModel(model, { prompt: [user('x')] })).text).toBe('one\n\n  three')
    expect((await askModel(model, { prompt: [user('x'), said('y')] })).text).toBe('')
  })

  test.each([
    ['[{"turns":[{"content":["x",1]}]}]', '[0].turns[0].content has the wrong type'],
    ['{', 'is no JSON'],
    ['{}', 'holds no array'],
    ['[{}]', '[0] has no turns'],
    ['[{"turns":[{"text":"x"}]}]', '[0].turns[0].text is unknown'],
    ['[{"turns":[{"toolCalls":[{"arguments":{}}]}]}]', '[0].turns[0].toolCalls[0] has no name'],
    ['[{"when":"(","turns":[]}]', '[0].when has the wrong type'],
  ])('with a fault is refused before it runs: %s', async (text, message) => {
    expect(await failureOf(loadScript(await file(text)))).toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining(message),
    })
  })

  test('that is not there is one clear line', async () => {
    expect(await failureOf(loadScript('/nowhere/script.json'))).toMatchObject({
      code: 'config/missing-file',
      message: expect.stringContaining('/nowhere/script.json'),
    })
  })
})
