import { describe, expect, it } from 'vitest'
import { codeAgent, type RunEvent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code, eventsOf, lastMessage, ofType } from './support.ts'

const description = 'Works things out.'
const twoSteps = [code('console.log("first")'), code('finalAnswer(2)')]

describe('13: handlers by event', () => {
  // smolagents calls back by class of step; Troupe by type of event, of the whole tree, and `all` for every one.
  it('13: a handler is called with the events of its type only, `all` with every one, in order', async () => {
    const ends: number[] = []
    const all: RunEvent['type'][] = []
    const agent = codeAgent({ name: 'worker', description, model: scriptedModel(twoSteps) })
    const run = agent.run('Go.', { on: { 'step-end': ({ step }) => ends.push(step), all: ({ type }) => all.push(type) } })
    const events = await eventsOf(run)
    expect(ends).toEqual([1, 2])
    const logged = (types: readonly string[]): readonly string[] => types.filter((type) => type !== 'model-delta')
    expect(logged(all)).toEqual(logged(events.map(({ type }) => type)))
    expect(all.at(-1)).toBe('run-end')
  })

  it('13: `all` takes the events of managed agents too', async () => {
    const seen: string[] = []
    const helper = codeAgent({ name: 'helper', description, model: scriptedModel(code('finalAnswer(1)')) })
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [helper],
      model: scriptedModel(code('finalAnswer(await helper({ task: "x" }))')),
    })
    await boss.run('Go.', { on: { 'run-start': ({ agent }) => seen.push(agent) } })
    expect(seen).toEqual(['boss', 'helper'])
  })

  // smolagents aborts the run when a callback throws; an observer of Troupe cannot change a run.
  it('13: a handler that throws changes nothing, and the run’s log says so', async () => {
    const agent = codeAgent({ name: 'worker', description, model: scriptedModel(twoSteps) })
    const run = agent.run('Go.', {
      on: {
        code: () => {
          throw new Error('cannot draw')
        },
      },
    })
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 2 })
    expect(ofType(events, 'log')[0]?.message).toContain('cannot draw')
  })
})

describe('14: stopping a run from a handler', () => {
  it('14: cancel in a handler ends the run as cancelled before its next step', async () => {
    const model = scriptedModel(twoSteps)
    const run = codeAgent({ name: 'worker', description, model }).run('Go.', {
      on: { 'step-end': () => void run.cancel('seen enough') },
    })
    expect(await run).toMatchObject({ status: 'cancelled', error: { code: 'run/cancelled', message: 'seen enough' } })
    expect(model.calls).toHaveLength(1)
  })

  it('14: a signal does the same, and one that is aborted already lets nothing begin', async () => {
    const model = scriptedModel(twoSteps)
    const agent = codeAgent({ name: 'worker', description, model })
    const controller = new AbortController()
    const run = agent.run('Go.', { signal: controller.signal, on: { 'step-end': () => controller.abort() } })
    expect((await run).status).toBe('cancelled')
    expect(await agent.run('Go.', { signal: AbortSignal.abort() })).toMatchObject({ status: 'cancelled', steps: 0 })
    expect(model.calls).toHaveLength(1)
  })
})

describe('15: an answer without code', () => {
  it('15: its words stay in the history, the step says what was wrong, and the run goes on', async () => {
    const model = scriptedModel(['I think that I should think first, and then think again.', code('finalAnswer("thought")')])
    const run = codeAgent({ name: 'worker', description, model }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'thought' })
    expect(ofType(events, 'step-end')[0]?.error).toContain('no code, so nothing was done')
    expect(ofType(events, 'model-end')[0]?.text).toContain('think again')
    expect(model.prompts[1]).toContain('I think that I should think first')
    expect(lastMessage(model)).toContain('Write TypeScript in one fenced block')
  })

  it('15: an empty answer is told as empty, and sent back as something that providers take', async () => {
    const model = scriptedModel(['', code('finalAnswer(1)')])
    expect(await codeAgent({ name: 'worker', description, model }).run('Go.')).toMatchObject({ status: 'done' })
    expect(lastMessage(model)).toContain('Your answer was empty.')
    expect(model.prompts[1]).toContain('(an empty answer)')
  })

  it('15: words count as a step towards the limit', async () => {
    const model = scriptedModel('Only words, never any code here.')
    const run = codeAgent({ name: 'worker', description, model, maxSteps: 2 }).run('Go.')
    expect(ofType(await eventsOf(run), 'step-end')).toHaveLength(3)
    expect((await run).status).toBe('limit')
  })
})
