import { describe, expect, it } from 'vitest'
import { team } from '../../src/index.ts'
import { compared, told } from './compare.ts'
import { plain, proved } from './support.ts'

// MAST (arXiv 2503.13657), third category: results that nobody, or nobody well, has checked.

const GIVEN = { given: 'a quote of the data' }
const ok = (output: string) => proved(output, 'inputs.given', 'quote')

/** One task, then nothing more. */
function one<Criteria extends readonly string[]>(criteria?: Criteria) {
  return ({ tasks }: { readonly tasks: readonly unknown[] }) =>
    tasks.length === 0
      ? { tasks: [{ id: 'a', owner: 'worker' as const, objective: 'Do it.', ...(criteria && { criteria }), ...GIVEN }] }
      : ({ done: true } as const)
}

describe('a run ends too early', () => {
  it('with an architect that says it is done while a part is missing: the answer does not pass, and the run says what is missing', async () => {
    const { on, off } = await compared('finalCheck', (make) =>
      make({
        name: 'desk',
        description: 'Hurries.',
        agents: [plain('worker', () => ok('AAPL'))],
        architect: one(),
        synthesizer: ({ outputs }) => ({ best: outputs['a'] ?? null }),
        checks: [(answer) => (typeof answer === 'object' && answer !== null && 'worst' in answer) || 'it does not name the worst share'],
      }),
    )
    expect(on).toMatchObject({ status: 'limit', output: { best: 'AAPL' } })
    expect(on.message).toMatch(/it does not name the worst share/)
    expect(off).toMatchObject({ status: 'done', output: { best: 'AAPL' } })
  })

  it('with a router that answers by itself what it should have had looked up: the answer is held as any other, and a plan follows', async () => {
    const { on, off } = await compared('finalCheck', (make) =>
      make({
        name: 'desk',
        description: 'Guesses.',
        agents: [plain('worker', () => ok('AAPL'))],
        router: () => ({ type: 'direct', answer: { a: 'MSFT' } }),
        architect: one(),
        reviewer: ({ subject, output }) =>
          subject === 'answer' && JSON.stringify(output) !== '{"a":"AAPL"}'
            ? { verdict: 'defect', reasons: ['Nobody has looked it up.'] }
            : { verdict: 'ok' },
      }),
    )
    expect(on).toMatchObject({ status: 'done', output: { a: 'AAPL' }, assigned: ['a'] })
    expect(off).toMatchObject({ status: 'done', output: { a: 'MSFT' }, assigned: [] })
  })
})

describe('verification is missing', () => {
  it('where a member just says so: a claim without evidence is turned down', async () => {
    const desk = (evidence: 'required' | 'optional') =>
      team({ name: 'desk', description: 'Claims.', agents: [plain('worker', () => ({ output: 42 }))], architect: one(), evidence })
    const on = await told(desk('required'))
    const off = await told(desk('optional'))
    expect(on.turnedDown[0]).toMatch(/a claim without evidence is not accepted/)
    expect(on).toMatchObject({ status: 'limit' })
    expect(off).toMatchObject({ status: 'done', output: { a: 42 } })
  })

  it('where the answer contradicts what its members found: a reviewer holds each answer against the goal', async () => {
    const { on, off } = await compared('finalCheck', (make) =>
      make({
        name: 'desk',
        description: 'Reports.',
        agents: [plain('worker', () => ok('AAPL'))],
        architect: one(),
        synthesizer: () => 'MSFT',
        reviewer: ({ subject, inputs, output }) =>
          subject === 'answer' && output !== inputs['a'] ? { verdict: 'defect', reasons: ['The outputs say AAPL.'] } : { verdict: 'ok' },
      }),
    )
    expect(on.status).toBe('limit')
    expect(on.message).toMatch(/The outputs say AAPL/)
    expect(off).toMatchObject({ status: 'done', output: 'MSFT' })
  })
})

describe('verification is wrong', () => {
  it('by a reviewer that passes everything: what code can check is checked before it is asked', async () => {
    const { on, off } = await compared('evidenceStands', (make) =>
      make({
        name: 'desk',
        description: 'Passes all.',
        agents: [plain('worker', () => proved('It grew by 12 %.', 'inputs.given', '12'))],
        architect: one(['says by how much']),
        reviewer: () => ({ verdict: 'ok' }),
      }),
    )
    expect(on.turnedDown[0]).toMatch(/'12' does not stand in inputs.given/)
    expect(on.status).toBe('limit')
    expect(off).toMatchObject({ status: 'done', output: { a: 'It grew by 12 %.' } })
  })

  it('by a reviewer whose verdict cannot be used: it has passed nothing', async () => {
    const { on, off } = await compared('heldReview', (make) =>
      make({
        name: 'desk',
        description: 'Mumbles.',
        agents: [plain('worker', () => ok('AAPL'))],
        architect: one(['is right']),
        reviewer: () => 'looks fine to me' as never,
      }),
    )
    expect(on.status).toBe('limit')
    expect(on.turnedDown[0]).toMatch(/the reviewer gave no answer that can be used/)
    expect(off).toMatchObject({ status: 'done', output: { a: 'AAPL' } })
  })
})
