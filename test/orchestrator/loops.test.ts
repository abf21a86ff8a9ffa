import { describe, expect, it } from 'vitest'
import { openRuntime, team, toolAgent, type Planning } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { crashEverywhere } from '../../src/testing/crash-runner.ts'
import { crashed, ended, eventsOf, plain, proved, statesIn } from './support.ts'

const given = { given: 'GOOG has no prices before August 2004' }
const ok = (output: unknown) => proved(JSON.parse(JSON.stringify(output)) as never, 'inputs.given', 'August 2004')

/** Plans once, then says that nothing is left. */
function once<Owner extends string>(plan: Planning<Owner>) {
  return ({ tasks }: { readonly tasks: readonly unknown[] }): Planning<Owner> => (tasks.length === 0 ? plan : { done: true })
}

const repairing = () =>
  team({
    name: 'desk',
    description: 'Repairs.',
    agents: [plain('worker', ({ task }) => ok(task.includes('earlier attempts') ? 'right' : 'wrong'))],
    reviewer: ({ subject, output }) =>
      subject === 'task' && output === 'wrong' ? { verdict: 'defect', reasons: ['It is wrong.'] } : { verdict: 'ok' },
    architect: once<'worker'>({ tasks: [{ id: 'a', owner: 'worker', objective: 'Do it.', criteria: ['right'], ...given }] }),
  })

const anomalous = () =>
  team({
    name: 'desk',
    description: 'Investigates.',
    agents: [
      plain('worker', ({ task }) =>
        task.includes('Findings') ? ok('without GOOG') : { anomaly: 'GOOG has no prices in 2000', evidence: [] },
      ),
      plain('other', () => ok('looked up')),
    ],
    investigator: ({ anomaly }) => ({
      finding: `GOOG was listed in August 2004 (${anomaly.join()})`,
      next: 'retry',
      changes: { add: [{ id: 'extra', owner: 'other', objective: 'Look up the listing.', ...given }] },
    }),
    architect: once<'worker' | 'other'>({ tasks: [{ id: 'a', owner: 'worker', objective: 'Do it.', ...given }] }),
    synthesizer: ({ outputs, findings }) => ({ ...outputs, findings }),
  })

const handed = () =>
  team({
    name: 'desk',
    description: 'Hands over.',
    agents: [
      plain('first', () => ({ handOver: { to: 'second', why: 'It is about law.', state: { read: 3 } } })),
      plain('second', ({ task }) => ok(task.includes('"read":3') ? 'with what there was' : 'from nothing')),
    ],
    architect: once<'first' | 'second'>({ tasks: [{ id: 'a', owner: 'first', objective: 'Do it.', ...given }] }),
  })

const noted = () =>
  team({
    name: 'desk',
    description: 'Leaves notes.',
    agents: [
      plain('first', () => ({ ...(ok('one') as object), notes: [{ task: 'b', text: 'Prices are in EUR.' }] })),
      plain('second', ({ task }) => ok(task.includes('first: Prices are in EUR.') ? 'two, in EUR' : 'two')),
    ],
    architect: once<'first' | 'second'>({
      tasks: [
        { id: 'a', owner: 'first', objective: 'Begin.', ...given },
        { id: 'b', owner: 'second', objective: 'End.', inputs: ['a'], ...given },
      ],
    }),
  })

const replanned = (told: string[] = []) =>
  team({
    name: 'desk',
    description: 'Plans again.',
    agents: [
      plain('weak', () => 'no evidence'),
      plain('strong', () => ok('done')),
      plain('undoer', ({ task }) => (told.push(task), ok('booked'))),
    ],
    maxAttempts: 1,
    architect: ({ tasks, reasons }): Planning<'weak' | 'strong' | 'undoer'> =>
      tasks.length === 0
        ? {
            tasks: [
              { id: 'booked', owner: 'undoer', objective: 'Book.', undo: 'Cancel the booking.', ...given },
              { id: 'a', owner: 'weak', objective: 'Do it.', inputs: ['booked'], ...given },
              { id: 'b', owner: 'strong', objective: 'Use it.', inputs: ['a'], ...given },
            ],
          }
        : { add: [{ id: `again`, owner: 'strong', objective: `Do it better: ${reasons.length} reasons.`, ...given }] },
  })

const parallel = () =>
  team({
    name: 'desk',
    description: 'Writes at once.',
    agents: [plain('writer', ({ context }) => ok(context?.['given'] === undefined ? null : 'written'))],
    maxParallel: 20,
    architect: once<'writer'>({
      tasks: Array.from({ length: 20 }, (_, i) => ({
        id: `w${i}`,
        owner: 'writer',
        objective: `Write part ${i}.`,
        produces: [`parts.p${i}`],
        ...given,
      })),
    }),
  })

const direct = () =>
  team({
    name: 'desk',
    description: 'Answers.',
    agents: [plain('worker', () => 'never')],
    router: () => ({ type: 'direct', answer: 4 }),
    reviewer: () => ({ verdict: 'ok' }),
  })

const nested = () => {
  const inner = team({
    name: 'inner',
    description: 'Works inside.',
    agents: [plain('worker', () => ok('from inside'))],
    architect: once<'worker'>({ tasks: [{ id: 'a', owner: 'worker', objective: 'Do it.', produces: ['answer'], ...given }] }),
  })
  return team({
    name: 'outer',
    description: 'Leads teams.',
    agents: [inner],
    architect: once<'inner'>({ tasks: [{ id: 'all', owner: 'inner', objective: 'Do all.' }] }),
  })
}

const CASES = { repairing, anomalous, handed, noted, replanned: () => replanned(), parallel, direct, nested }

describe('a team that is stopped after every entry of its log', () => {
  it.each(Object.entries(CASES))(
    '%s: comes to the same end',
    async (_, make) => {
      const report = await crashed(make)
      expect(report.faults).toEqual([])
      expect(report.end).toContain('"status":"done"')
    },
    120_000,
  )
})

describe('a task', () => {
  it('with a defect goes back to its owner with the reasons, once, and is repaired', async () => {
    const run = repairing().run('Go.')
    const events = await eventsOf(run)
    expect((await ended(run)).output).toEqual({ a: 'right' })
    expect(statesIn(events, 'a')).toEqual([
      'pending>running',
      'running>validating',
      'validating>running',
      'running>validating',
      'validating>done',
    ])
  })

  it('with an anomaly is looked into; the finding comes to its owner, into the plan and into the answer', async () => {
    const run = anomalous().run('Go.')
    const events = await eventsOf(run)
    expect((await ended(run)).output).toEqual({
      a: 'without GOOG',
      extra: 'looked up',
      findings: [expect.stringMatching(/listed in August 2004/)],
    })
    expect(statesIn(events, 'a')).toContain('validating>investigating')
    expect(statesIn(events, 'a')).toContain('investigating>running')
  })

  it('is handed over with its state', async () => {
    expect((await ended(handed().run('Go.'))).output).toEqual({ a: 'with what there was' })
  })

  it('comes with the notes that were left for it', async () => {
    expect((await ended(noted().run('Go.'))).output).toEqual({ a: 'one', b: 'two, in EUR' })
  })

  it('that cannot be done leads to another plan; what only served it is undone', async () => {
    const told: string[] = []
    const run = replanned(told).run('Go.')
    const events = await eventsOf(run)
    expect((await ended(run)).output).toEqual({ booked: 'booked', again: 'done' })
    expect(told.slice(1)).toEqual(['Cancel the booking.'])
    expect(statesIn(events)).toContain('working>replanning')
    expect(statesIn(events, 'b')).toEqual(['pending>abandoned'])
  })

  it('of twenty that write at once loses nothing', async () => {
    const run = parallel().run('Go.')
    const { output } = await ended(run)
    expect(Object.values(output as object)).toEqual(Array.from({ length: 20 }, () => 'written'))
  })
})

describe('a team whose roles are models', () => {
  const usage = { inputTokens: 10, outputTokens: 5 }
  const json = (value: unknown) => ({ content: JSON.stringify(value), usage })
  const byModel = () =>
    team({
      name: 'desk',
      description: 'Thinks.',
      model: scriptedModel([
        { when: /You are the router/, reply: json({ type: 'delegate', why: 'two steps' }) },
        {
          when: /You are the architect/,
          reply: json({
            criteria: ['true'],
            tasks: [{ id: 'a', owner: 'worker', objective: 'Find out.', covers: ['true'], criteria: ['short'], given: 'August 2004' }],
          }),
        },
        { when: /You are the reviewer/, reply: json({ verdict: 'ok' }) },
        { when: /You write the answer/, reply: json({ answer: 'It was August 2004.' }) },
      ]),
      agents: [
        toolAgent({
          name: 'worker',
          description: 'Finds out.',
          model: scriptedModel({
            toolCalls: [
              {
                name: 'finalAnswer',
                arguments: { answer: { output: 'August', evidence: [{ ref: 'inputs.given', quote: 'august 2004' }] } },
              },
            ],
            usage,
          }),
        }),
      ],
    })

  it('routes, plans, reviews and writes the answer', async () => {
    const run = byModel().run('When?')
    expect(await run).toMatchObject({ status: 'done', output: 'It was August 2004.', usage: { inputTokens: 60, outputTokens: 30 } })
  })

  it('does so after every crash', async () => {
    expect((await crashed(byModel)).faults).toEqual([])
  }, 60_000)

  it('ends at its budget with what is missing', async () => {
    const result = await ended(byModel().run('When?', { budget: { tokens: 600 } }))
    expect(result.status).toBe('limit')
    expect(result.message).toMatch(/budget/)
  })

  it('ends at its cap of steps', async () => {
    const result = await ended(byModel().run('When?', { maxSteps: 3 }))
    expect(result.message).toMatch(/the limit of 3 steps is reached/)
  })
})

describe('people', () => {
  const asking = () =>
    team({
      name: 'desk',
      description: 'Asks.',
      agents: [plain('worker', ({ task }) => ok(task.length > 0 ? 'done' : ''), ['deploy'])],
      router: ({ questions }) =>
        questions.length === 0 ? { type: 'ask', question: 'Which city?' } : { type: 'delegate', why: String(questions[0]?.answer) },
      architect: once<'worker'>({ tasks: [{ id: 'a', owner: 'worker', objective: 'Deploy.', tools: ['deploy'], ...given }] }),
      approvals: [
        { type: 'tool', tool: 'deploy' },
        { type: 'state', state: 'working' },
        { type: 'state', state: 'done' },
      ],
    })

  it('are asked; the run waits, and goes back to where it came from', async () => {
    await using runtime = await openRuntime({ engine: memory(), agents: [asking()], parkAfterMs: 0 })
    const run = runtime.run(asking(), 'Go.')
    const answers: Record<string, string> = {}
    for (let n = 0; n < 9; n++) {
      const state = await run.untilWaiting()
      if (state.status !== 'waiting') break
      for (const wait of state.waits.filter(({ reason }) => reason === 'approval')) {
        answers[wait.question] = wait.callId
        await runtime.approve(run.id, wait.callId, wait.question.includes('city') ? { result: 'Bern' } : {})
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(Object.keys(answers)).toEqual([
      'Which city?',
      "May the run go on to 'working'?",
      expect.stringMatching(/May task a \(worker\) use deploy/),
      "May the run go on to 'done'?",
    ])
    const result = await run
    expect(result.status).toBe('done')
    const states = (await runtime.entries(run.id)).flatMap(({ type, body }) =>
      type === 'state' && !('task' in body) && 'from' in body ? [`${body.from}>${'to' in body ? String(body.to) : ''}`] : [],
    )
    expect(states.filter((way) => way.includes('waiting'))).toEqual([
      'routing>waiting',
      'waiting>routing',
      'planning>waiting',
      'waiting>planning',
      'working>waiting',
      'waiting>working',
      'reviewing>waiting',
      'waiting>reviewing',
    ])
  })

  it('may come at any point between two lives of the process', async () => {
    const report = await crashEverywhere({ agent: asking, task: 'Go.', engine: () => memory() })
    expect(report.faults).toEqual([])
  }, 120_000)

  it('change the plan with a signal while it is under way', async () => {
    const slow = (open: Promise<unknown>) =>
      team({
        name: 'desk',
        description: 'Waits.',
        agents: [plain('worker', async ({ task }) => open.then(() => ok(task.includes('More') ? 'more' : 'first')))],
        architect: once<'worker'>({
          tasks: [
            { id: 'a', owner: 'worker', objective: 'Do it.', ...given },
            { id: 'b', owner: 'worker', objective: 'Drop me.', inputs: ['a'], ...given },
          ],
        }),
      })
    const gate = Promise.withResolvers<null>()
    await using runtime = await openRuntime({ engine: memory(), parkAfterMs: 5_000 })
    const run = runtime.run(slow(gate.promise), 'Go.')
    for await (const event of run) {
      if (event.type === 'task-assigned' && event.task === 'a') {
        await runtime.signal(run.id, 'plan', { drop: ['b'], add: [{ id: 'c', owner: 'worker', objective: 'More.', given: 'August 2004' }] })
      }
      if (event.type === 'plan' && event.plan.startsWith('changed by a person')) gate.resolve(null)
    }
    expect((await ended(run)).output).toEqual({ a: 'first', c: 'more' })
  })
})
