import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent, TroupeError } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, lastMessage, ofType } from './support.ts'

const description = 'Works things out.'
const noop = tool({ name: 'noop', description: 'Does nothing.', effect: 'read', input: z.object({}), run: () => 'nothing' })

describe('6: a model that never ends', () => {
  const model = scriptedModel([
    { when: /You have to stop: the limit of \d steps/, reply: 'as far as I came' },
    { reply: code('console.log("on and on")') },
  ])
  const agent = codeAgent({ name: 'runner', description, model, maxSteps: 5 })

  it('6: ends after maxSteps with one last question, status limit and the best answer as text', async () => {
    const run = agent.run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({
      status: 'limit',
      output: 'as far as I came',
      error: { code: 'budget/spent', message: 'the limit of 5 steps is reached' },
    })
    expect(ofType(events, 'code')).toHaveLength(5)
    expect(ofType(events, 'step-end').map(({ step, error }) => [step, error])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [4, undefined],
      [5, undefined],
      [6, 'the limit of 5 steps is reached'],
    ])
  })

  it('6: maxSteps of the run comes before that of the agent', async () => {
    const run = agent.run('Go.', { maxSteps: 3 })
    expect(ofType(await eventsOf(run), 'code')).toHaveLength(3)
    expect((await run).status).toBe('limit')
  })

  it('6: the last answer must fit the output like any other, else it is left out', async () => {
    const typed = (text: string) =>
      codeAgent({
        name: 'typed',
        description,
        output: z.object({ n: z.number() }),
        maxSteps: 1,
        model: scriptedModel([{ when: /You have to stop/, reply: text }, { reply: code('1') }]),
      }).run('Go.')
    expect(await typed('Here: {"n": 3}')).toMatchObject({ status: 'limit', output: { n: 3 } })
    expect(await typed('{"n": "three"}')).toMatchObject({ status: 'limit', output: null })
  })

  it('6: a tool agent ends in the same way', async () => {
    const model = scriptedModel([{ when: /You have to stop/, reply: 'so far' }, { reply: calling(['noop', {}]) }])
    const run = toolAgent({ name: 'runner', description, model, tools: [noop], maxSteps: 2 }).run('Go.')
    expect(ofType(await eventsOf(run), 'tool-end')).toHaveLength(2)
    expect(await run).toMatchObject({ status: 'limit', output: 'so far' })
    expect(model.calls.at(-1)?.tools).toBeUndefined()
  })
})

describe('7: names', () => {
  it('7: an agent without tools can still give its final answer, natively as its one tool', async () => {
    const model = scriptedModel(calling(['finalAnswer', { answer: 4 }]))
    expect(await toolAgent({ name: 'alone', description, model }).run('Go.')).toMatchObject({ status: 'done', output: 4 })
    expect(model.calls[0]?.tools?.map(({ name }) => name)).toEqual(['finalAnswer'])
  })

  const model = scriptedModel('x')
  const sub = codeAgent({ name: 'noop', description, model })
  it.each([
    ['two tools of one name', () => codeAgent({ name: 'a', description, model, tools: [noop, noop] })],
    ['a tool with the agent’s own name', () => codeAgent({ name: 'noop', description, model, tools: [noop] })],
    ['a managed agent with the name of a tool', () => toolAgent({ name: 'a', description, model, tools: [noop], agents: [sub] })],
    ['a managed agent with the agent’s own name', () => toolAgent({ name: 'noop', description, model, agents: [sub] })],
    ['names that meet in Python only', () => codeAgent({ name: 'no_op', description, model, tools: [tool({ ...noop, name: 'noOp' })] })],
  ])('7: %s is refused when the agent is made', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'tool/name-clash' }))
  })

  it.each(['1st', 'two words', 'class', 'await', 'lambda', 'console', 'finalAnswer', ''])('7: an agent cannot be called %j', (name) => {
    expect(() => codeAgent({ name, description, model })).toThrow(expect.objectContaining({ code: 'tool/bad-name' }))
  })
})

describe('10: checks of the final answer', () => {
  it('10: one that fails goes back to the model with its name; one that passes costs no step', async () => {
    const model = scriptedModel([code('finalAnswer(3)'), code('finalAnswer(4)')])
    const isEven = (answer: unknown): string | boolean => Number(answer) % 2 === 0 || `${String(answer)} is odd`
    const run = codeAgent({ name: 'picker', description, model, checks: [isEven] }).run('Give an even number.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 4, steps: 2 })
    expect(lastMessage(model)).toContain("the check 'isEven' failed: 3 is odd")
    expect(ofType(events, 'step-end')[0]?.error).toContain('isEven')
  })

  it('10: a check sees the transcript, and one that throws or gives false has failed', async () => {
    const seen: string[] = []
    const model = scriptedModel([code('console.log("looked")'), code('finalAnswer(1)'), code('finalAnswer(2)'), code('finalAnswer(3)')])
    const agent = codeAgent({
      name: 'picker',
      description,
      model,
      output: z.number(),
      checks: [
        (answer, { steps, task }) => void seen.push(`${answer} ${task} ${steps.map((step) => step.type).join()}`),
        async function isThree(answer) {
          if (answer === 1) throw new RangeError('not one')
          return answer === 3
        },
      ],
    })
    expect(await agent.run('Pick.')).toMatchObject({ status: 'done', output: 3 })
    expect(seen).toEqual(['1 Pick. code,code', '2 Pick. code,code,code', '3 Pick. code,code,code,code'])
    expect(lastMessage(model, 2)).toContain("'isThree' failed: not one")
    expect(lastMessage(model)).toContain("'isThree' failed: it did not pass")
  })

  it('10: the same in a tool agent, after its schema', async () => {
    const model = scriptedModel([
      calling(['finalAnswer', { answer: { n: 'x' } }]),
      calling(['finalAnswer', { answer: { n: 1 } }]),
      calling(['finalAnswer', { answer: { n: 2 } }]),
    ])
    const agent = toolAgent({
      name: 'picker',
      description,
      model,
      output: z.object({ n: z.number() }),
      checks: [({ n }) => n > 1 || 'too small'],
    })
    expect(await agent.run('Pick.')).toMatchObject({ status: 'done', output: { n: 2 }, steps: 3 })
    expect(lastMessage(model, 2)).toContain('does not fit the type')
    expect(lastMessage(model)).toContain('too small')
  })
})

describe('11: a model that fails', () => {
  const broken = scriptedModel([code('const x = 1'), new TroupeError('model/failed', 'no such deployment')])

  // smolagents raises AgentGenerationError; here awaiting the run rejects with the model's own TroupeError.
  it('11: a model that fails ends the run with its error, and the steps before it are in the log', async () => {
    const run = codeAgent({ name: 'asker', description, model: broken }).run('Go.')
    const events = await eventsOf(run)
    await expect(run).rejects.toMatchObject({ code: 'model/failed', message: expect.stringContaining('no such deployment') as string })
    expect(ofType(events, 'step-end')).toHaveLength(1)
    expect(ofType(events, 'run-end')[0]).toMatchObject({ status: 'failed', steps: 2, error: { code: 'model/failed' } })
    expect(ofType(events, 'model-end').at(-1)).toMatchObject({ error: { code: 'model/failed' } })
  })

  it('11: an agent without a model says so, and nobody has to listen', async () => {
    const run = codeAgent({ name: 'asker', description }).run('Go.')
    await expect(run).rejects.toMatchObject({ code: 'config/invalid', message: expect.stringContaining('has no model') as string })
    void codeAgent({ name: 'asker', description }).run('Left alone.')
    await new Promise((resolve) => setTimeout(resolve, 20))
  })
})
