import { describe, expect, it } from 'vitest'
import type { ModelReply } from '../models/model.ts'
import { messageText } from '../models/prompt-text.ts'
import { promptOf } from './messages.ts'
import { promptsOf } from './prompts/prompts.ts'
import type { Step, Transcript } from './transcript.ts'

const prompts = promptsOf(undefined)
const reply = (text: string, more: Partial<ModelReply> = {}): ModelReply => ({
  text,
  toolCalls: [],
  finishReason: 'stop',
  usage: { inputTokens: 1, outputTokens: 1 },
  modelId: 'm',
  attempts: 1,
  ...more,
})
const transcript = (...steps: readonly Step[]): Transcript => ({
  agent: 'a',
  task: 'The task.',
  images: [],
  context: '',
  steps,
  earlier: [],
})
const shown = (...steps: readonly Step[]) =>
  promptOf(prompts, 'SYSTEM', transcript(...steps)).map((message) => [message.role, messageText(message)])

describe('promptOf', () => {
  it('begins with the system text and the task with its context', () => {
    const [system, task] = promptOf(prompts, 'SYSTEM', { ...transcript(), context: 'Given: n' })
    expect(system).toEqual({ role: 'system', content: 'SYSTEM' })
    expect(task && messageText(task)).toBe('The task.\n\nGiven: n')
  })

  it('only ever grows at its end', () => {
    const steps: Step[] = [
      { type: 'plan', step: 1, reply: reply('A plan.') },
      { type: 'code', step: 1, reply: reply('Some code.'), code: '1', observation: 'Last value:\n1' },
      { type: 'fault', step: 2, reply: reply('Words.'), fault: 'No code.' },
      { type: 'answer', step: 3, reply: reply('42'), rejected: 'Not accepted.' },
    ]
    const whole = shown(...steps)
    for (let n = 0; n <= steps.length; n++) {
      const part = shown(...steps.slice(0, n))
      expect(whole.slice(0, part.length)).toEqual(part)
    }
    expect(whole.slice(2)).toEqual([
      ['assistant', 'A plan.'],
      ['user', 'Now carry out this plan, step by step.'],
      ['assistant', 'Some code.'],
      ['user', 'Last value:\n1'],
      ['assistant', 'Words.'],
      ['user', 'No code.'],
      ['assistant', '42'],
      ['user', 'Not accepted.'],
    ])
  })

  it('sends calls back natively, by the ids of their results, and the results in one message', () => {
    const calls = [
      { id: 'x', name: 'a', input: '{"n":1}' },
      { id: 'x', name: 'b', input: '{"n":2}' },
    ]
    const results = [
      { id: 'x', tool: 'a', text: 'one', isError: false },
      { id: 'x_2', tool: 'b', text: 'two', isError: true },
    ]
    const content = [
      { type: 'reasoning' as const, text: 'hm', providerOptions: { p: { signature: 's' } } },
      ...calls.map((call) => ({ type: 'tool-call' as const, ...call })),
    ]
    const [, , assistant, tool] = promptOf(
      prompts,
      'S',
      transcript({ type: 'calls', step: 1, reply: reply('', { toolCalls: calls, content }), results }),
    )
    expect(assistant).toMatchObject({
      role: 'assistant',
      content: [{ type: 'reasoning', providerOptions: { p: { signature: 's' } } }, { toolCallId: 'x' }, { toolCallId: 'x_2' }],
    })
    expect(tool).toMatchObject({
      role: 'tool',
      content: [
        { toolCallId: 'x', toolName: 'a', output: { type: 'text', value: 'one' } },
        { toolCallId: 'x_2', toolName: 'b', output: { type: 'error-text', value: 'two' } },
      ],
    })
  })

  it('shows calls written as text as text', () => {
    const results = [{ id: 'text_1', tool: 'a', text: 'one', isError: false }]
    expect(shown({ type: 'calls', step: 1, reply: reply('{"name": "a"}'), results, isInText: true }).slice(2)).toEqual([
      ['assistant', '{"name": "a"}'],
      ['user', 'a: one'],
    ])
  })

  it('leaves out calls that were not made, and never sends an empty text', () => {
    const toolCalls = [{ id: 'x', name: 'a', input: '{}' }]
    const content = [{ type: 'tool-call' as const, ...(toolCalls[0] ?? { id: '', name: '', input: '' }) }]
    const [, , assistant] = promptOf(
      prompts,
      'S',
      transcript({ type: 'fault', step: 1, reply: reply('', { toolCalls, content }), fault: 'No.' }),
    )
    expect(assistant).toEqual({ role: 'assistant', content: [{ type: 'text', text: '(an empty answer)' }] })
  })

  it('begins with the runs before it in a session', () => {
    const before = transcript({ type: 'answer', step: 1, reply: reply('Before.') })
    const now = { ...transcript(), task: 'The next task.', earlier: [before] }
    expect(promptOf(prompts, 'S', now).map(messageText)).toEqual(['S', 'The task.', 'Before.', 'The next task.'])
  })
})
