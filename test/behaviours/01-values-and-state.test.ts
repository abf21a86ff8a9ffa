import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent, TroupeError } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code, eventsOf, ofType } from './support.ts'

const description = 'Works things out.'
const double = tool({
  name: 'double',
  description: 'Twice a number.',
  effect: 'read',
  input: z.object({ n: z.number() }),
  output: z.number(),
  run: ({ n }) => n * 2,
})

describe('values that leave the code', () => {
  it('3: a code agent gives a number as a number, and the calls of its second step are numbered under that step', async () => {
    const model = scriptedModel([code('const x = await double({ n: 3.6452 })'), code('finalAnswer(await double({ n: x / 2 }))')])
    const run = codeAgent({ name: 'adder', description, model, tools: [double] }).run('What is it?')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 7.2904 })
    expect(ofType(events, 'tool-start').map(({ callId }) => callId)).toEqual([`${run.id}:1.1`, `${run.id}:2.1`])
  })

  it.each([
    ['a date', 'new Date(0)', new Date(0)],
    ['a map', "new Map([['a', 1n]])", new Map([['a', 1n]])],
    ['a set in an object', '({ all: new Set([1, NaN]) })', { all: new Set([1, Number.NaN]) }],
    ['bytes', 'new Uint8Array([1, 2])', new Uint8Array([1, 2])],
  ])('3: %s stays what it is', async (_, text, expected) => {
    const agent = codeAgent({ name: 'giver', description, model: scriptedModel(code(`finalAnswer(${text})`)) })
    expect(await agent.run('Give it.')).toMatchObject({ status: 'done', output: expected })
  })
})

describe('values that go into the code', () => {
  // smolagents appends the values' text to the task; Troupe says names, types and a preview, so that large values cost no tokens.
  it('4: values of the context are variables of the code, and the task names them with type and preview', async () => {
    const model = scriptedModel(code('finalAnswer(prices.reduce((sum, p) => sum + p) + owner.name)'))
    const context = { prices: Array.from({ length: 500 }, (_, i) => i), owner: { name: 'Ada' } }
    const result = await codeAgent({ name: 'adder', description, model }).run('Add them up.', { context })
    expect(result).toMatchObject({ status: 'done', output: '124750Ada' })
    const [prompt = ''] = model.prompts
    expect(prompt).toContain('prices: array of 500, each number = [0,1,2')
    expect(prompt).toContain('owner: object with keys name = {"name":"Ada"}')
    expect(prompt).not.toContain('250,251,252')
  })

  it('4: a tool agent is shown the context as JSON, and reads the rest of long values with a tool', async () => {
    const model = scriptedModel([
      { toolCalls: [{ name: 'readContext', arguments: { key: 'text', offset: 3001, length: 5 } }] },
      'It is there.',
    ])
    const agent = toolAgent({ name: 'reader', description, model })
    const run = agent.run('Find it.', { context: { text: `${'x'.repeat(3_000)}HELLO`, short: 7 } })
    expect(ofType(await eventsOf(run), 'tool-end')[0]?.output).toBe('HELLO')
    expect(model.prompts[0]).toMatch(/short: 7/)
    expect(model.prompts[0]).not.toContain('HELLO')
  })

  it('4: a value that would hide a tool is refused before anything runs', async () => {
    const model = scriptedModel(code('finalAnswer(1)'))
    const run = codeAgent({ name: 'adder', description, model, tools: [double] }).run('Go.', { context: { double: 1 } })
    await expect(run).rejects.toSatisfy((error) => TroupeError.is(error, 'tool/name-clash'))
    expect(model.calls).toHaveLength(0)
  })
})

describe('what a step leaves to the next', () => {
  it('8: functions, classes and variables of the first step are there in the second, and can be declared again', async () => {
    const model = scriptedModel([
      code(
        'function twice(n: number): number { return n * 2 }\nclass Counter { #n = 0; next() { return ++this.#n } }\nconst counter = new Counter()\nlet total = counter.next()',
      ),
      code('total += twice(20) + counter.next()\nconst kept = total'),
      code('function twice(n: number): number { return n * 3 }\nfinalAnswer([kept, twice(1), counter.next()])'),
    ])
    expect(await codeAgent({ name: 'coder', description, model }).run('Go.')).toMatchObject({ status: 'done', output: [43, 3, 3] })
  })

  it('8: two runs of one agent see nothing of each other', async () => {
    const model = scriptedModel([code('globalThis.n = (globalThis.n ?? 0) + 1'), code('finalAnswer(globalThis.n)')])
    const agent = codeAgent({ name: 'coder', description, model })
    const results = await Promise.all([agent.run('a'), agent.run('b')])
    expect(results).toMatchObject([{ output: 1 }, { output: 1 }])
    expect(await agent.run('c')).toMatchObject({ output: 1 })
  })

  it('9: finalAnswer called in a nested function ends the run with its value, and nothing after it runs', async () => {
    const model = scriptedModel(
      code(
        'const inner = () => { finalAnswer("deep"); console.log("after") }\nfunction outer() { [1].forEach(inner) }\nouter()\nconsole.log("later")',
      ),
    )
    const run = codeAgent({ name: 'coder', description, model }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'deep', steps: 1 })
    expect(ofType(events, 'print')).toEqual([])
  })
})
