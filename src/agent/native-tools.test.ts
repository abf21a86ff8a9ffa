import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { tool } from '../tools/tool.ts'
import { callablesOf } from './callables.ts'
import { callsInText, finalAnswerIn, nativeTools } from './native-tools.ts'

const look = tool({ name: 'lookUp', description: 'Looks.', input: z.object({ id: z.number() }), run: () => 1 })
const callables = callablesOf('me', [look], [], 'typescript', {})

describe('nativeTools', () => {
  it('declares tools and the final answer, whose answer has the schema of the output', () => {
    const declared = nativeTools(callables, z.object({ n: z.number() }))
    expect(declared.map(({ name }) => name)).toEqual(['lookUp', 'finalAnswer'])
    expect(declared[0]?.inputSchema).toMatchObject({ properties: { id: { type: 'number' } } })
    expect(declared[1]?.inputSchema).toMatchObject({
      required: ['answer'],
      properties: { answer: { properties: { n: { type: 'number' } } } },
    })
  })
})

describe('finalAnswerIn', () => {
  it.each([
    ['wrapped', '{"answer": [1]}', '[1]'],
    ['bare', '{"n": 1, "answer": 2}', '{"n":1,"answer":2}'],
    ['among words', 'So: {"answer": "x"}.', '"x"'],
    ['with a key that looks like a tag', '{"answer": {"$type": "date", "value": 0}}', expect.stringContaining('$type') as string],
  ])('%s', (_, text, value) => {
    expect(finalAnswerIn(text)).toEqual({ ok: true, value })
  })

  it('no JSON is an error to tell', () => {
    expect(finalAnswerIn('forty two')).toMatchObject({ ok: false, error: { code: 'tool/arguments' } })
  })
})

describe('callsInText', () => {
  const found = (text: string) => callsInText(text, callables)
  const one = { id: 'text_1', name: 'lookUp', input: '{"id":1}' }

  it.each([
    ['plain', '{"name": "lookUp", "arguments": {"id": 1}}'],
    ['in words', 'I look. {"name": "lookUp", "arguments": {"id": 1}} Then I wait.'],
    ['as a list', '[{"name": "lookUp", "arguments": {"id": 1}}]'],
    ['as OpenAI writes it', '{"type": "function", "function": {"name": "lookUp", "arguments": "{\\"id\\": 1}"}}'],
    ['by other keys', '{"tool": "lookUp", "input": {"id": 1}}'],
  ])('finds a call %s', (_, text) => {
    expect(found(text)).toEqual({ ok: true, calls: [one] })
  })

  it.each(['no call here', '{"a": 1}', '{"name": "ada", "input": 1}', '[]', '[1, {"name": "lookUp", "arguments": {}}]'])(
    'finds none in %j',
    (text) => {
      expect(found(text)).toEqual({ ok: true, calls: [] })
    },
  )

  it('keeps an unknown name that is written as a call, so that the model is told of it', () => {
    expect(found('{"name": "other", "arguments": {}}')).toMatchObject({ calls: [{ name: 'other' }] })
  })

  it('tells JSON that is meant as a call and broken', () => {
    expect(found('{"name": "lookUp", "arguments": {"id": 1')).toMatchObject({
      ok: false,
      fault: expect.stringContaining('cannot be read') as string,
    })
  })
})
