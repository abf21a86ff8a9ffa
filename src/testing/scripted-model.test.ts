import type { LanguageModelV4Message } from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { askModel } from '../models/ask.ts'
import { assistantMessage } from '../models/reply.ts'
import { scriptedModel } from './scripted-model.ts'

const user = (text: string): LanguageModelV4Message => ({ role: 'user', content: [{ type: 'text', text }] })
const said = assistantMessage({ text: 'so far', toolCalls: [] })

test('the first rule that fits answers, by pattern, predicate or agent', async () => {
  const model = scriptedModel([
    { when: /price/g, reply: 'ten' },
    { when: (prompt) => prompt.length > 2, reply: 'long' },
    { agent: 'boss', reply: 'yes, boss' },
    { reply: (prompt) => `I was told ${prompt.length} things` },
  ])
  const text = async (prompt: LanguageModelV4Message[], agent?: string): Promise<string> =>
    (await askModel(model, { prompt, ...(agent !== undefined && { providerOptions: { troupe: { agent } } }) })).text
  expect(await text([user('the price?')])).toBe('ten')
  expect(await text([user('the price?')])).toBe('ten')
  expect(await text([user('a'), said, user('b')])).toBe('long')
  expect(await text([user('a')], 'boss')).toBe('yes, boss')
  expect(await text([user('a')])).toBe('I was told 1 things')
})

test('a list is played by turn, so asking again gives the same', async () => {
  const model = scriptedModel([
    'first',
    { content: 'second', toolCalls: [{ name: 'f', arguments: { a: 1 } }], usage: { inputTokens: 1, outputTokens: 2 } },
  ])
  for (let again = 0; again < 2; again++) {
    expect((await askModel(model, { prompt: [user('x')] })).text).toBe('first')
    expect(await askModel(model, { prompt: [user('x'), said, user('y')] }, { stream: true })).toMatchObject({
      text: 'second',
      toolCalls: [{ id: 'call_1_0', name: 'f', input: '{"a":1}' }],
      usage: { inputTokens: 1, outputTokens: 2 },
    })
  }
  expect((await askModel(model, { prompt: [said, said, said] })).text).toBe('second')
})

test('calls and prompts can be looked at', async () => {
  const model = scriptedModel('ok')
  await askModel(model, { prompt: [{ role: 'system', content: 'be brief' }, user('hello')], temperature: 0 })
  expect(model.calls[0]?.temperature).toBe(0)
  expect(model.prompts).toEqual(['be brief\n\nhello'])
})

test('an error is thrown, and a prompt that no rule fits is a fault of the test', async () => {
  const fault = new RangeError('boom')
  await expect(askModel(scriptedModel(fault), { prompt: [] })).rejects.toMatchObject({ code: 'model/failed', cause: fault })
  await expect(askModel(scriptedModel([{ when: /never/, reply: 'x' }]), { prompt: [user('now')] })).rejects.toMatchObject({
    code: 'model/no-turn',
    message: expect.stringContaining('now'),
  })
  expect(() => scriptedModel([{ reply: 'x' }, 'y'])).toThrow(/not both/)
})
