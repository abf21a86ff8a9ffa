/** Defects of the reference (smolagents) that concern parallel calls: each is a test that Troupe passes. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType, waitMs } from '../behaviours/support.ts'

const description = 'Works things out.'

function numbered(ran: number[] = []) {
  return tool({
    name: 'numbered',
    description: 'Says its number.',
    effect: 'read',
    input: z.object({ n: z.number(), ms: z.number().default(0) }),
    run: async ({ n, ms }) => {
      ran.push(n)
      await waitMs(ms)
      if (n === 2) throw new Error('two is broken')
      return `number ${n}`
    },
  })
}

/** Tool results that the model was shown last: id and text. */
function shown(model: ReturnType<typeof scriptedModel>): readonly (readonly [id: string, text: string])[] {
  const last = model.calls.at(-1)?.prompt.at(-1)
  if (last?.role !== 'tool') return []
  return last.content.flatMap((part) =>
    part.type === 'tool-result' && (part.output.type === 'text' || part.output.type === 'error-text')
      ? [[part.toolCallId, part.output.value] as const]
      : [],
  )
}

describe('sibling results lost when one parallel call fails', () => {
  it('in a tool agent, the others are there, each under its id', async () => {
    const model = scriptedModel([
      calling(['numbered', { n: 1, ms: 20 }, 'a'], ['numbered', { n: 2 }, 'b'], ['numbered', { n: 3 }, 'c']),
      'done',
    ])
    await toolAgent({ name: 'worker', description, model, tools: [numbered()] }).run('Go.')
    expect(shown(model)).toEqual([
      ['a', 'number 1'],
      ['b', expect.stringContaining('two is broken') as string],
      ['c', 'number 3'],
    ])
  })

  it('in code, a failing Promise.all leaves the answers of the others in the log', async () => {
    const model = scriptedModel([
      code('const done = []\nawait Promise.all([1, 2, 3].map(async (n) => { done.push(await numbered({ n, ms: n === 1 ? 20 : 0 })) }))'),
      code('finalAnswer(done)'),
    ])
    const run = codeAgent({ name: 'worker', description, model, tools: [numbered()] }).run('Go.')
    const outputs = ofType(await eventsOf(run), 'tool-end').map(({ output, error }) => error?.name ?? JSON.stringify(output))
    expect(outputs.toSorted()).toEqual(['"number 1"', '"number 3"', 'ToolError'])
  })
})

describe('results in text order (1, 10, 2)', () => {
  const numbers = Array.from({ length: 12 }, (_, i) => i + 3)

  it('a tool agent with twelve calls shows twelve results in call order, however long each took', async () => {
    const calls = numbers.map((n, i) => ['numbered', { n, ms: (12 - i) * 3 }, `call_${i + 1}`] as const)
    const model = scriptedModel([calling(...calls), 'done'])
    await toolAgent({ name: 'worker', description, model, tools: [numbered()] }).run('Go.')
    expect(shown(model)).toEqual(numbers.map((n, i) => [`call_${i + 1}`, `number ${n}`]))
  })

  it('so does Promise.all in code', async () => {
    const model = scriptedModel(
      code(`finalAnswer(await Promise.all(${JSON.stringify(numbers)}.map((n, i) => numbered({ n, ms: (12 - i) * 3 }))))`),
    )
    const result = await codeAgent({ name: 'worker', description, model, tools: [numbered()] }).run('Go.')
    expect(result).toMatchObject({ output: numbers.map((n) => `number ${n}`) })
  })
})

describe('duplicate call ids collapsing', () => {
  it('calls that share an id, or have none, are calls of their own, with ids that the provider can tell apart', async () => {
    const ran: number[] = []
    const model = scriptedModel([
      calling(
        ['numbered', { n: 1 }, 'same'],
        ['numbered', { n: 3 }, 'same'],
        ['numbered', { n: 4 }, 'same_2'],
        ['numbered', { n: 5 }, ''],
        ['numbered', { n: 6 }, ''],
      ),
      'done',
    ])
    await toolAgent({ name: 'worker', description, model, tools: [numbered(ran)] }).run('Go.')
    expect(ran.toSorted((a, b) => a - b)).toEqual([1, 3, 4, 5, 6])
    const ids = shown(model).map(([id]) => id)
    expect(new Set(ids).size).toBe(5)
    expect(shown(model).map(([, text]) => text)).toEqual([1, 3, 4, 5, 6].map((n) => `number ${n}`))

    const assistant = model.calls.at(-1)?.prompt.at(-2)
    const called =
      assistant?.role === 'assistant' ? assistant.content.flatMap((part) => (part.type === 'tool-call' ? [part.toolCallId] : [])) : []
    expect(called).toEqual(ids)
  })
})
