import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { team, tool } from '../../src/index.ts'
import { coder, crashed, eventsOf, plain, proved, statesIn } from './support.ts'

const numbers = tool({
  name: 'numbers',
  description: 'Gives numbers.',
  effect: 'read',
  input: z.object({}),
  run: () => ({ sales: 1_234.5 }),
})

const reader = () =>
  coder(
    'reader',
    ["const got = await numbers({})\nfinalAnswer({ output: got.sales, evidence: [{ ref: 'numbers#1', quote: '1,234.50' }] })"],
    {
      tools: [numbers],
    },
  )
const writer = () =>
  plain('writer', ({ context }) => proved(`Sales were ${JSON.stringify(context?.['figures'])}.`, 'inputs.figures', '1234.5'))

const desk = () =>
  team({
    name: 'desk',
    description: 'Reports.',
    agents: [reader(), writer()],
    architect: () => ({
      criteria: ['has the sales'],
      tasks: [
        { id: 'figures', owner: 'reader', objective: 'Read the sales.', output: { type: 'number' } },
        {
          id: 'report',
          owner: 'writer',
          objective: 'Write one sentence.',
          inputs: ['figures'],
          produces: ['answer'],
          covers: ['has the sales'],
        },
      ],
    }),
    output: z.string(),
  })

describe('a team', () => {
  it('plans, has tasks done in order, and answers', async () => {
    const run = desk().run('How were the sales?')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'Sales were 1234.5.' })
    expect(statesIn(events)).toEqual([
      'routing>planning',
      'planning>working',
      'working>synthesizing',
      'synthesizing>reviewing',
      'reviewing>done',
    ])
    expect(statesIn(events, 'figures')).toEqual(['pending>running', 'running>validating', 'validating>done'])
    expect(events.filter(({ type }) => type.startsWith('task-')).map(({ type }) => type)).toEqual([
      'task-assigned',
      'task-done',
      'task-assigned',
      'task-done',
    ])
  })

  it('is stopped after every entry of its log and comes to the same answer', async () => {
    const report = await crashed(desk)
    expect(report.faults).toEqual([])
    expect(report.end).toContain('Sales were 1234.5.')
    expect(report.appends).toBeGreaterThan(15)
  })
})
