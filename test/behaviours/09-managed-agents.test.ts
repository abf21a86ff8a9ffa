import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent, type Agent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code, eventsOf, lastMessage, ofType, waitMs } from './support.ts'

const description = 'Works things out.'
const usage = { inputTokens: 10, outputTokens: 1 }
const read = tool({
  name: 'read',
  description: 'Reads.',
  effect: 'read',
  input: z.object({ n: z.number() }),
  run: async ({ n }) => waitMs(n).then(() => n * 10),
})

/** A code agent and a tool agent that read, and one of each kind that hands on to the agent below. */
function tree(kinds: readonly ('code' | 'tool')[]) {
  const [leafKind, ...above] = kinds
  const leaf: Agent =
    leafKind === 'code'
      ? codeAgent({
          name: 'level1',
          description,
          tools: [read],
          model: scriptedModel({ content: code('finalAnswer(await read({ n: 1 }))'), usage }),
        })
      : toolAgent({
          name: 'level1',
          description,
          tools: [read],
          model: scriptedModel([
            { ...calling(['read', { n: 1 }]), usage },
            { content: '10', usage },
          ]),
        })
  return above.reduce((below, kind, i) => {
    const name = `level${i + 2}`
    const model =
      kind === 'code'
        ? scriptedModel({ content: code(`finalAnswer(await ${below.name}({ task: "for ${below.name}" }))`), usage })
        : scriptedModel([
            { ...calling([below.name, { task: `for ${below.name}` }]), usage },
            { content: '10', usage },
          ])
    return kind === 'code'
      ? codeAgent({ name, description, agents: [below], model })
      : toolAgent({ name, description, agents: [below], model })
  }, leaf)
}

describe('three levels of agents', () => {
  it.each([
    { kinds: ['code', 'code', 'code'] as const, asked: 3 },
    { kinds: ['tool', 'tool', 'tool'] as const, asked: 6 },
    { kinds: ['code', 'tool', 'code'] as const, asked: 4 },
  ])('$kinds: answers come up, events are those of the tree in order, usage is added up', async ({ kinds, asked }) => {
    const run = tree(kinds).run('Go.')
    const events = await eventsOf(run)
    const result = await run
    expect(String('output' in result && result.output)).toBe('10')
    expect(result.usage).toMatchObject({ inputTokens: asked * 10, outputTokens: asked })
    const story = events.filter(({ type }) => ['run-start', 'agent-start', 'tool-start', 'tool-end', 'agent-end', 'run-end'].includes(type))
    expect(story.map(({ type, agent, runId }) => `${type} ${agent} ${runId.split('-').length}`)).toEqual([
      'run-start level3 1',
      'agent-start level2 1',
      'run-start level2 2',
      'agent-start level1 2',
      'run-start level1 3',
      'tool-start level1 3',
      'tool-end level1 3',
      'run-end level1 3',
      'agent-end level1 2',
      'run-end level2 2',
      'agent-end level2 1',
      'run-end level3 1',
    ])
    const [top, middle, leaf] = ofType(events, 'run-start')
    expect([middle?.parentRunId, leaf?.parentRunId]).toEqual([top?.runId, middle?.runId])
    expect(ofType(events, 'agent-start').map(({ childRunId }) => childRunId)).toEqual([middle?.runId, leaf?.runId])
  })
})

describe('managed agents side by side', () => {
  const sub = codeAgent({
    name: 'sub',
    description,
    tools: [read],
    output: z.object({ got: z.number() }),
    model: scriptedModel([code('let x = await read({ n })'), code('finalAnswer({ got: x })')]),
  })

  it('run at once, each with a sandbox and a log of its own, and answer in the order of the calls', async () => {
    const boss = codeAgent({
      name: 'boss',
      description,
      agents: [sub],
      model: scriptedModel(
        code(
          'const all = await Promise.all([30, 1, 2].map((n) => sub({ task: "t", context: { n } })))\nfinalAnswer(all.map(({ got }) => got))',
        ),
      ),
    })
    const run = boss.run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ output: [300, 10, 20] })
    expect(new Set(ofType(events, 'run-start').map(({ runId }) => runId)).size).toBe(4)
    const starts = events.flatMap(({ type }, i) => (type === 'agent-start' ? [i] : []))
    const firstEnd = events.findIndex(({ type }) => type === 'agent-end')
    expect(starts.every((start) => start < firstEnd)).toBe(true)
  })

  it('the same in a tool agent', async () => {
    const model = scriptedModel([calling(['sub', { task: 't', context: { n: 9 } }], ['sub', { task: 't', context: { n: 1 } }]), 'both'])
    const run = toolAgent({ name: 'boss', description, agents: [sub], model }).run('Go.')
    expect(await run).toMatchObject({ status: 'done', output: 'both' })
    expect(lastMessage(model)).toBe('{"got":90}\n{"got":10}')
  })

  it('a positional task works in code, and one that is missing is an error that shows the signature', async () => {
    const model = scriptedModel([
      code('const one = await sub("t", { n: 2 })\nconsole.log(one.got)\nawait sub({ context: {} })'),
      code('finalAnswer(one)'),
    ])
    const run = codeAgent({ name: 'boss', description, agents: [sub], model }).run('Go.')
    expect(await run).toMatchObject({ status: 'done', output: { got: 20 } })
    expect(lastMessage(model)).toContain('Printed:\n20')
    expect(lastMessage(model)).toContain('declare function sub(input: { task: string; context?: Record<string, unknown> })')
  })
})

describe('managed agents that do not succeed', () => {
  const down = codeAgent({ name: 'down', description, model: scriptedModel(new Error('out of order')) })
  const short = codeAgent({
    name: 'short',
    description,
    maxSteps: 1,
    model: scriptedModel([{ when: /You have to stop/, reply: 'half of it' }, { reply: code('1') }]),
  })

  it('a failure is an error that the code sees by name and message, and the caller goes on', async () => {
    const model = scriptedModel(
      code(`const settled = await Promise.allSettled([down({ task: 'a' }), short({ task: 'b' })])
finalAnswer(settled.map(({ reason }) => reason.name + ': ' + reason.message))`),
    )
    const run = codeAgent({ name: 'boss', description, agents: [down, short], model }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({
      status: 'done',
      output: [
        expect.stringMatching(/^AgentError: agent down ended as 'failed': .*out of order/),
        expect.stringMatching(/^AgentError: agent short ended as 'limit': .*half of it/),
      ],
    })
    expect(
      ofType(events, 'agent-end')
        .map(({ status }) => status)
        .toSorted(),
    ).toEqual(['failed', 'limit'])
  })

  it('a failure not caught is an error of the step, told to the model', async () => {
    const model = scriptedModel([code('await down({ task: "a" })'), code('finalAnswer("went on")')])
    expect(await codeAgent({ name: 'boss', description, agents: [down], model }).run('Go.')).toMatchObject({
      status: 'done',
      output: 'went on',
    })
    expect(lastMessage(model)).toContain('out of order')
  })

  it('in a tool agent it is an error result, and its siblings are there', async () => {
    const model = scriptedModel([calling(['down', { task: 'a' }], ['short', { task: 'b' }], ['down', { job: 'c' }]), 'went on'])
    expect(await toolAgent({ name: 'boss', description, agents: [down, short], model }).run('Go.')).toMatchObject({
      status: 'done',
      output: 'went on',
    })
    expect(lastMessage(model)).toContain('out of order')
    expect(lastMessage(model)).toContain('half of it')
    expect(lastMessage(model)).toContain('task must be a text')
  })

  it('a model or a limit that the caller leaves to its agents is taken by them', async () => {
    const bare = codeAgent({ name: 'bare', description })
    const boss = codeAgent({ name: 'boss', description, agents: [bare] })
    const model = scriptedModel([
      { agent: 'bare', reply: code('finalAnswer("below")') },
      { reply: code('finalAnswer(await bare({ task: "t" }))') },
    ])
    expect(await boss.withDefaults({ model }).run('Go.')).toMatchObject({ output: 'below' })
  })
})
