import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { tool, toolAgent } from '../../src/index.ts'
import { jsonIn } from '../../src/agent/json-in-text.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { eventsOf, lastMessage, ofType } from './support.ts'

describe('32: JSON among words', () => {
  it('32: the words before it are given apart, the words after it are left out', () => {
    expect(jsonIn('I will look.\n{"a": {"b": "}"}} and then more {')).toEqual({
      ok: true,
      value: { a: { b: '}' } },
      before: 'I will look.',
    })
  })

  it.each([
    ['fenced', 'See:\n```json\n[1, 2]\n```\nso.', [1, 2]],
    ['after a brace that begins none', 'the set {x} holds {"a": 1}', { a: 1 }],
    ['with escaped quotes', '{"a": "say \\"}\\" twice"}', { a: 'say "}" twice' }],
    ['a bare value', '  42 ', 42],
  ])('32: %s', (_, text, value) => {
    expect(jsonIn(text)).toMatchObject({ ok: true, value })
  })

  it.each(['no json at all', '{"a": 1', '{"a": nothing}'])('32: %j is told as broken', (text) => {
    expect(jsonIn(text)).toMatchObject({ ok: false })
  })
})

describe('a model without native tool calls', () => {
  const lookUp = tool({
    name: 'lookUp',
    description: 'Looks up.',
    effect: 'read',
    input: z.object({ id: z.number() }),
    run: ({ id }) => id * 10,
  })
  const description = 'Works things out.'

  it('writes its calls as JSON in its text, one or a list, and is shown the results in order', async () => {
    const model = scriptedModel([
      'I look it up.\n{"name": "lookUp", "arguments": {"id": 1}}',
      '[{"name": "lookUp", "arguments": {"id": 2}}, {"function": {"name": "lookUp", "arguments": "{\\"id\\": 3}"}}]',
      '{"name": "finalAnswer", "arguments": {"answer": 60}}',
    ])
    const run = toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 60, steps: 3 })
    expect(ofType(events, 'tool-end').map(({ output }) => output)).toEqual([10, 20, 30])
    expect(lastMessage(model)).toBe('lookUp: 20\n\nlookUp: 30')
    expect(model.prompts[1]).toContain('I look it up.')
  })

  it('a step that succeeded in this way has no error', async () => {
    const model = scriptedModel(['{"name": "lookUp", "arguments": {"id": 1}}', '{"name": "finalAnswer", "arguments": {"answer": 10}}'])
    const events = await eventsOf(toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.'))
    expect(ofType(events, 'step-end').map(({ error }) => error)).toEqual([undefined, undefined])
  })

  it('an unknown name and wrong arguments are told, and are the error of the step', async () => {
    const model = scriptedModel(['[{"name": "lookDown", "arguments": {}}, {"name": "lookUp", "arguments": {"id": "x"}}]', 'I give up.'])
    const run = toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')
    const events = await eventsOf(run)
    expect(lastMessage(model)).toContain('UnknownToolError')
    expect(lastMessage(model)).toContain('ArgumentsError')
    expect(ofType(events, 'step-end')[0]?.error).toContain('UnknownToolError')
    expect(await run).toMatchObject({ status: 'done', output: 'I give up.' })
  })

  it('a final answer that a check refuses is told why', async () => {
    const model = scriptedModel([
      '{"name": "finalAnswer", "arguments": {"answer": 1}}',
      '{"name": "finalAnswer", "arguments": {"answer": 2}}',
    ])
    const agent = toolAgent({ name: 'worker', description, model, checks: [(answer) => answer === 2] })
    expect(await agent.run('Go.')).toMatchObject({ status: 'done', output: 2 })
    expect(lastMessage(model)).toContain('The final answer was not accepted')
  })

  it('an answer that only looks like a call is the answer, where it fits the output', async () => {
    const output = z.object({ name: z.string(), input: z.number() })
    const model = scriptedModel('{"name": "resistor", "input": 5}')
    expect(await toolAgent({ name: 'worker', description, model, tools: [lookUp], output, maxSteps: 2 }).run('Go.')).toMatchObject({
      status: 'done',
      output: { name: 'resistor', input: 5 },
    })
  })
})
