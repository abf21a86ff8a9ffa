import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, openRuntime, toolAgent } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { streamOf } from '../../src/models/answer-stream.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, ofType } from './support.ts'

const description = 'Works things out.'
const report = { title: 'Final report.', words: 2 }
const writer = codeAgent({
  name: 'writer',
  description: 'Writes reports.',
  model: scriptedModel(code(`finalAnswer(${JSON.stringify(report)})`)),
  output: z.object({ title: z.string(), words: z.number() }),
})

describe('28: a manager and its managed agent', () => {
  // smolagents hands back a text with a heading; a managed agent of Troupe gives the value of its output.
  it('28: a code agent calls it as a function and gets its value', async () => {
    const model = scriptedModel(code('const report = await writer({ task: "Write." })\nfinalAnswer(report.title)'))
    const run = codeAgent({ name: 'manager', description, model, agents: [writer] }).run('Have it written.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'Final report.' })
    expect(model.prompts[0]).toContain('Agent of your team. Writes reports.')
    expect(ofType(events, 'run-start').map(({ agent, task }) => [agent, task])).toEqual([
      ['manager', 'Have it written.'],
      ['writer', 'Write.'],
    ])
  })

  it('28: a tool agent calls it as a tool', async () => {
    const model = scriptedModel([calling(['writer', { task: 'Write.' }]), 'Final report.'])
    const run = toolAgent({ name: 'manager', description, model, agents: [writer] }).run('Have it written.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'Final report.' })
    expect(JSON.stringify(model.calls[1]?.prompt)).toContain(JSON.stringify(JSON.stringify(report)).slice(1, -1))
    expect(ofType(events, 'agent-end')[0]).toMatchObject({ agent: 'writer', status: 'done' })
  })
})

describe('21: a report of the steps', () => {
  const model = scriptedModel([code('console.log("looked it up")'), code('finalAnswer("found")')])
  const caller = scriptedModel(code('finalAnswer(await finder({ task: "Find." }))'))

  it('21: with reportSteps the caller gets the answer and a summary of the steps; without it the answer alone', async () => {
    const manager = (reportSteps: boolean) =>
      codeAgent({ name: 'manager', description, model: caller, agents: [codeAgent({ name: 'finder', description, model, reportSteps })] })
    expect(await manager(false).run('Go.')).toMatchObject({ output: 'found' })
    const { output } = (await manager(true).run('Go.')) as { output: { answer: string; summary: string } }
    expect(output.answer).toBe('found')
    expect(output.summary).toContain('Step 1: code\nconsole.log("looked it up")\nPrinted:\nlooked it up')
    expect(output.summary).toContain('Step 2: code')
  })

  it('21: run by itself, the same agent gives its answer', async () => {
    expect(await codeAgent({ name: 'finder', description, model, reportSteps: true }).run('Find.')).toMatchObject({ output: 'found' })
  })
})

describe('30: what a run gives', () => {
  // smolagents has an option for the whole result; here it is always the whole one.
  it('30: status, output, usage, steps and id', async () => {
    const model = scriptedModel([
      { content: code('1'), usage: { inputTokens: 100, outputTokens: 10 } },
      { content: code('finalAnswer(1)'), usage: { inputTokens: 150, outputTokens: 20 } },
    ])
    const run = codeAgent({ name: 'worker', description, model }).run('Go.')
    const result = await run
    expect(result).toMatchObject({ status: 'done', output: 1, steps: 2, runId: run.id, usage: { inputTokens: 250, outputTokens: 30 } })
  })

  it('30: where the model reports no usage it is estimated, never left out', async () => {
    const scripted = scriptedModel(code('finalAnswer(1)'))
    const inputTokens = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined }
    const usageNotTold = { inputTokens, outputTokens: { total: undefined, text: undefined, reasoning: undefined } }
    const model: typeof scripted = {
      ...scripted,
      doStream: async (call) => ({ stream: streamOf({ ...(await scripted.doGenerate(call)), usage: usageNotTold }) }),
    }
    const { usage } = await codeAgent({ name: 'worker', description, model }).run('Go.')
    expect(usage.inputTokens).toBeGreaterThan(50)
    expect(usage.outputTokens).toBeGreaterThan(3)
  })

  it('30: a run in a store can be looked at later, with the same numbers', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const agent = codeAgent({ name: 'worker', description, model: scriptedModel(code('finalAnswer({ n: 1 })')) })
    const result = await runtime.run(agent, 'Go.')
    expect(await runtime.get(result.runId)).toMatchObject({ ...result, agent: 'worker', task: 'Go.', waits: [] })
  })
})
