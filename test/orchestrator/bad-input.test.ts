import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { team, TroupeError, type Plan, type Planning } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { coder, crashed, ended, eventsOf, plain, proved, statesIn } from './support.ts'

const worker = plain('worker', () => proved('done', 'inputs.given', 'given'))

/** A team with one worker whose architect gives this plan, and the same again when asked for another. */
function planned(plan: Plan<'worker'>, later?: Planning<'worker'>) {
  return team({
    name: 'desk',
    description: 'Works.',
    agents: [worker],
    architect: ({ tasks }) => (tasks.length === 0 ? plan : (later ?? { done: true })),
  })
}

const task = (id: string, more: object = {}) => ({ id, owner: 'worker', objective: `Do ${id}.`, given: 'given', ...more })

describe('a plan that cannot be', () => {
  it.each<[string, Plan, RegExp]>([
    ['with a cycle', { tasks: [task('a', { inputs: ['b'] }), task('b', { inputs: ['a'] })] }, /cycle/],
    ['with an unknown owner', { tasks: [task('a', { owner: 'ghost' })] }, /'ghost', which is no member/],
    ['of 10,000 tasks', { tasks: Array.from({ length: 10_000 }, (_, i) => task(`t${i}`)) }, /10000 tasks, at most 1000/],
    ['without tasks', { tasks: [] }, /no task/],
    ['with two writers of one field', { tasks: [task('a', { produces: ['x'] }), task('b', { produces: ['x'] })] }, /both write 'x'/],
  ])('%s goes back with the reasons, and ends the run when it comes again', async (_, plan, reason) => {
    const run = planned(plan as Plan<'worker'>).run('Go.')
    const events = await eventsOf(run)
    const result = await ended(run)
    expect(result.status).toBe('limit')
    expect(result.message).toMatch(reason)
    expect(statesIn(events)).toEqual(['routing>planning', 'planning>planning', 'planning>planning', 'planning>planning', 'planning>limit'])
    expect(events.some(({ type }) => type === 'agent-start')).toBe(false) // Nothing of it was run.
  })

  it('is repaired by an architect that reads the reasons', async () => {
    const seen: string[] = []
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [worker],
      architect: ({ reasons }) => {
        seen.push(...reasons)
        return {
          tasks: [
            task('a', { owner: 'worker', inputs: reasons.length === 0 ? ['ghost'] : [] }) as {
              id: string
              owner: 'worker'
              objective: string
            },
          ],
        }
      },
    }).run('Go.')
    expect(await run).toMatchObject({ status: 'done', output: { a: 'done' } })
    expect(seen.join()).toMatch(/needs the output of 'ghost', and there is no such task/)
  })

  it('that is no plan at all is asked for again a few times', async () => {
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [worker],
      model: scriptedModel('I would rather not.'),
      router: () => ({ type: 'delegate' }),
    }).run('Go.')
    const result = await ended(run)
    expect(result).toMatchObject({ status: 'limit' })
    expect(result.message).toMatch(/no answer that can be used: it is no JSON/)
  })
})

describe('a member that', () => {
  it('never answers is stopped when its time is over, and its task given up', async () => {
    const mute = plain('worker', () => new Promise<never>(() => {}))
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [mute],
      taskTimeMs: 30,
      maxAttempts: 2,
      architect: ({ tasks }) =>
        tasks.length === 0 ? { tasks: [task('a') as { id: string; owner: 'worker'; objective: string }] } : { done: true },
    }).run('Go.')
    const events = await eventsOf(run)
    expect(statesIn(events, 'a')).toEqual(['pending>running', 'running>running', 'running>rejected'])
    expect(events.filter(({ type }) => type === 'task-rejected').map((event) => 'reasons' in event && event.reasons)).toMatchObject(
      [[/worker ended as 'limit': the time of 30 ms is over/], [/over/]].map((list) =>
        list.map((pattern) => expect.stringMatching(pattern) as unknown),
      ),
    )
  })

  it('answers garbage has it turned down by the schema, and the run says what is missing', async () => {
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [plain('worker', () => proved({ wrong: 'given' }, 'inputs.given', 'given'))],
      architect: ({ tasks }) =>
        tasks.length === 0 ? { tasks: [{ ...task('a'), owner: 'worker', output: { type: 'number' } }] } : { done: true },
      output: z.object({ a: z.number() }),
    }).run('Go.')
    const events = await eventsOf(run)
    const result = await ended(run)
    expect(result.status).toBe('limit')
    expect(result.message).toMatch(/a \(rejected\): Do a\. — the output does not fit its schema/)
    expect(statesIn(events, 'a')).toEqual([
      'pending>running',
      'running>validating',
      'validating>running',
      'running>validating',
      'validating>rejected',
    ])
  })

  it('cites what does not exist is turned down with what there is', async () => {
    const reader = coder('worker', ["finalAnswer({ output: 1, evidence: [{ ref: 'numbers#1', quote: '1' }] })"])
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [reader],
      architect: ({ tasks }) => (tasks.length === 0 ? { tasks: [{ ...task('a'), owner: 'worker' }] } : { done: true }),
    }).run('Go.')
    const events = await eventsOf(run)
    await run
    const reasons = events.flatMap((event) => (event.type === 'task-rejected' ? event.reasons : []))
    expect(reasons[0]).toBe("evidence that does not stand: there is no 'numbers#1'; there are step#1, inputs.given")
    expect(statesIn(events, 'a').at(-1)).toBe('validating>rejected')
  })

  it('gives no evidence at all is turned down, unless the team does without', async () => {
    const bare = plain('worker', () => 'done')
    const options = {
      name: 'desk',
      description: 'Works.',
      agents: [bare],
      architect: ({ tasks }: { tasks: readonly unknown[] }): Planning<'worker'> =>
        tasks.length === 0 ? { tasks: [{ id: 'a', owner: 'worker', objective: 'Do a.' }] } : { done: true },
    } as const
    const strict = team(options).run('Go.')
    const events = await eventsOf(strict)
    expect(events.flatMap((event) => (event.type === 'task-rejected' ? event.reasons : []))).toContain(
      'there is no evidence: a claim without evidence is not accepted',
    )
    expect(await team({ ...options, evidence: 'optional' }).run('Go.')).toMatchObject({ status: 'done', output: { a: 'done' } })
  })

  it('repeats itself is not asked a third time', async () => {
    let asked = 0
    const stubborn = plain('worker', () => {
      asked++
      return proved('the same', 'inputs.given', 'given')
    })
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [stubborn],
      maxAttempts: 9,
      reviewer: ({ subject }) => (subject === 'task' ? { verdict: 'defect', reasons: ['Too short.'] } : { verdict: 'ok' }),
      architect: ({ tasks }) => (tasks.length === 0 ? { tasks: [{ ...task('a'), owner: 'worker', criteria: ['long'] }] } : { done: true }),
    }).run('Go.')
    const events = await eventsOf(run)
    expect(asked).toBe(2)
    expect(events.find((event) => event.type === 'state' && event.to === 'rejected')).toMatchObject({
      why: expect.stringMatching(/same output was turned down for the same/) as string,
    })
  })

  it('throws is asked again, and fails its task at the cap', async () => {
    const broken = plain('worker', () => {
      throw new TroupeError('tool/failed', 'no disk')
    })
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [broken],
      architect: ({ tasks }) => (tasks.length === 0 ? { tasks: [{ ...task('a'), owner: 'worker' }] } : { done: true }),
    }).run('Go.')
    const events = await eventsOf(run)
    expect(statesIn(events, 'a')).toEqual(['pending>running', 'running>running', 'running>running', 'running>rejected'])
  })
})

describe('an architect that never stops replanning', () => {
  const endless = () =>
    team({
      name: 'desk',
      description: 'Works.',
      agents: [plain('worker', ({ task: text }) => proved(text.length, 'inputs.given', 'given'))],
      evidence: 'optional',
      maxRounds: 4,
      reviewer: ({ subject, output }) =>
        subject === 'answer' ? { verdict: 'defect', reasons: [`not yet: ${JSON.stringify(output)}`] } : { verdict: 'ok' },
      architect: ({ tasks }) =>
        tasks.length === 0
          ? { tasks: [{ ...task('a0'), owner: 'worker' as const }] }
          : { add: [{ ...task(`a${tasks.length}`), owner: 'worker' as const }] },
    })

  it('is stopped at the cap of rounds, with the best answer so far and what is wrong with it', async () => {
    const run = endless().run('Go.')
    const events = await eventsOf(run)
    const result = await ended(run)
    expect(result.status).toBe('limit')
    expect(Object.keys(result.output as object)).toEqual(['a0', 'a1', 'a2', 'a3'])
    expect(result.message).toMatch(/Missing: the answer: not yet/)
    expect(statesIn(events).filter((way) => way.endsWith('>working'))).toHaveLength(4)
  })

  it('is that after every crash too', async () => {
    expect((await crashed(endless)).faults).toEqual([])
  }, 60_000)
})

describe('rounds in which nothing gets done', () => {
  it('end the run before the cap of rounds', async () => {
    const run = team({
      name: 'desk',
      description: 'Works.',
      agents: [plain('worker', ({ task: text }) => text)],
      maxAttempts: 1,
      maxRounds: 50,
      architect: ({ tasks }) =>
        tasks.length === 0
          ? { tasks: [{ ...task('a0'), owner: 'worker' as const }] }
          : { add: [{ ...task(`a${tasks.length}`), owner: 'worker' as const }] },
    }).run('Go.')
    const result = await ended(run)
    expect(result.message).toMatch(/2 rounds in a row got no task done/)
  })
})
