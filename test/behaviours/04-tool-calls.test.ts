import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, lastMessage, ofType, waitMs } from './support.ts'

const description = 'Works things out.'
const ran: string[] = []
const lookUp = tool({
  name: 'lookUp',
  description: 'Looks something up.',
  effect: 'read',
  input: z.object({ id: z.string() }),
  run: async ({ id }) => {
    ran.push(id)
    if (id === 'slow') await waitMs(30)
    if (id === 'bad') throw new Error('the far end is down')
    return `found ${id}`
  },
})

/** The results that the model was shown of its last calls, by tool-call id. */
function resultsShown(model: ReturnType<typeof scriptedModel>): readonly { id: string; type: string; value: unknown }[] {
  const last = model.calls.at(-1)?.prompt.at(-1)
  if (last?.role !== 'tool') return []
  return last.content.flatMap((part) =>
    part.type === 'tool-result'
      ? [{ id: part.toolCallId, type: part.output.type, value: 'value' in part.output ? part.output.value : null }]
      : [],
  )
}

describe('17: malformed calls', () => {
  it('17: a call whose arguments are no JSON is answered with what is wrong, and the run goes on', async () => {
    const model = scriptedModel([calling(['lookUp', '{"id": "a"']), 'Never mind.'])
    const run = toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')
    expect(await run).toMatchObject({ status: 'done', output: 'Never mind.' })
    expect(resultsShown(model)[0]).toMatchObject({ type: 'error-text', value: expect.stringContaining('ArgumentsError') as string })
  })

  it('17: a model without native calls whose JSON is broken is told how to write it', async () => {
    const model = scriptedModel(['{"name": "lookUp", "arguments": {"id": "a"', 'Never mind.'])
    expect(await toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')).toMatchObject({ status: 'done' })
    expect(lastMessage(model)).toContain('The JSON of your tool call cannot be read')
  })
})

describe('18: the final answer among other calls', () => {
  // smolagents complains after the other calls have run; here nothing of such a step runs.
  it('18: finalAnswer together with another call is an error that asks for it alone, and nothing has run', async () => {
    ran.length = 0
    const model = scriptedModel([calling(['lookUp', { id: 'a' }], ['finalAnswer', { answer: 1 }]), calling(['finalAnswer', { answer: 2 }])])
    expect(await toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')).toMatchObject({ status: 'done', output: 2 })
    expect(ran).toEqual([])
    expect(resultsShown(model)).toHaveLength(2)
    expect(resultsShown(model).every(({ type, value }) => type === 'error-text' && String(value).includes('alone'))).toBe(true)
  })
})

describe('19: parallel calls', () => {
  it('19: results come in call order, each under its id, whichever was ready first', async () => {
    const model = scriptedModel([calling(['lookUp', { id: 'slow' }, 'x'], ['lookUp', { id: 'b' }, 'y']), 'done'])
    const run = toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')
    const ends = ofType(await eventsOf(run), 'tool-end')
    expect(ends.map(({ output }) => output)).toEqual(['found b', 'found slow'])
    expect(resultsShown(model)).toEqual([
      { id: 'x', type: 'text', value: 'found slow' },
      { id: 'y', type: 'text', value: 'found b' },
    ])
  })

  it('19: an unknown tool, wrong arguments and a tool that fails are told apart, and none of them stops the others', async () => {
    const model = scriptedModel([
      calling(['lookup', { id: 'a' }], ['lookUp', { name: 'a' }], ['lookUp', { id: 'bad' }], ['lookUp', { id: 'ok' }]),
      'done',
    ])
    const run = toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')
    const events = await eventsOf(run)
    const errors = ofType(events, 'tool-end').map(({ callId, error }) => `${callId.split('.').at(-1)} ${error?.name}`)
    expect(errors.toSorted()).toEqual(['1 UnknownToolError', '2 ArgumentsError', '3 ToolError', '4 undefined'])
    const [unknown, wrong, failed, fine] = resultsShown(model).map(({ value }) => String(value))
    expect(unknown).toContain("did you mean 'lookUp'?")
    expect(wrong).toContain('Signature: ')
    expect(failed).toContain('the far end is down')
    expect(fine).toBe('found ok')
  })

  it('19: the same in code, by name of the error', async () => {
    const model = scriptedModel(
      code(`const settled = await Promise.allSettled([lookUp({ id: 'bad' }), lookUp({ name: 'a' }), lookUp({ id: 'ok' })])
finalAnswer(settled.map((s) => s.status === 'fulfilled' ? s.value : s.reason.name))`),
    )
    const agent = codeAgent({ name: 'worker', description, model, tools: [lookUp] })
    expect(await agent.run('Go.')).toMatchObject({ output: ['ToolError', 'ArgumentsError', 'found ok'] })
  })

  it('19: a list of no calls is an answer in words', async () => {
    const model = scriptedModel({ content: 'nothing to call', toolCalls: [] })
    expect(await toolAgent({ name: 'worker', description, model, tools: [lookUp] }).run('Go.')).toMatchObject({ output: 'nothing to call' })
  })
})

describe('20: an answer of several named parts', () => {
  // smolagents lets a tool called final_answer take the place of its own; Troupe types the one there is by `output`.
  const output = z.object({ answer: z.string(), confidence: z.number().min(0).max(1) })
  const answer = { answer: 'blue', confidence: 0.9 }

  it('20: works in a code agent', async () => {
    const model = scriptedModel(code(`finalAnswer(${JSON.stringify(answer)})`))
    expect(await codeAgent({ name: 'worker', description, model, output }).run('Go.')).toMatchObject({ status: 'done', output: answer })
    expect(model.prompts[0]).toContain('declare function finalAnswer(')
    expect(model.prompts[0]).toContain('confidence: number')
  })

  it.each([
    ['natively', calling(['finalAnswer', { answer }])],
    ['with its parts as the arguments', calling(['finalAnswer', answer])],
    ['as JSON in words', `Here it is:\n${JSON.stringify(answer)}`],
  ])('20: works in a tool agent %s', async (_, reply) => {
    const model = scriptedModel([reply])
    expect(await toolAgent({ name: 'worker', description, model, output }).run('Go.')).toMatchObject({ status: 'done', output: answer })
    expect(JSON.stringify(model.calls[0]?.tools)).toContain('confidence')
  })
})
