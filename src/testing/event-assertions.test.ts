import { describe, expect, it } from 'vitest'
import type { RunEvent } from '../client/event.ts'
import { codeAgent, tool } from '../index.ts'
import { z } from 'zod'
import { assertEvents, assertNoEvent, collectEvents, type EventPattern } from './event-assertions.ts'
import { scriptedModel } from './scripted-model.ts'

const price = tool({
  name: 'price',
  description: 'A price.',
  effect: 'read',
  input: z.object({ item: z.string() }),
  run: ({ item }) => item.length,
})
const agent = codeAgent({
  name: 'buyer',
  description: 'Buys.',
  tools: [price],
  model: scriptedModel(['```ts\nconst a = await price({ item: "pen" })\nfinalAnswer([await price({ item: "paper" }), a])\n```']),
})

function failureOf(work: () => void): string {
  try {
    work()
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : 'no error'
  }
  return 'no failure'
}

describe('assertions on events', async () => {
  const events: readonly RunEvent[] = await collectEvents(agent.run('buy'))

  it('pass for events in their order, others between, by the fields that are named', () => {
    assertEvents(events, [
      { type: 'run-start', agent: 'buyer', task: 'buy' },
      { type: 'tool-start', args: { item: 'pen' } },
      { type: 'tool-start', tool: 'price' },
      { type: 'run-end', status: 'done', output: [5, 3] },
    ])
    assertNoEvent(events, { type: 'tool-start', args: { item: 'pencil' } })
    expect(events.some((event) => event.type === 'model-delta')).toBe(false)
  })

  it.each<[string, readonly EventPattern[], RegExp]>([
    [
      'another value',
      [{ type: 'tool-start', args: { item: 'ink' } }],
      /^AssertionError.*no event for pattern 1: .*ink[^]*those of its type[^]*"pen"[^]*"paper"/,
    ],
    [
      'another order',
      [
        { type: 'tool-start', args: { item: 'paper' } },
        { type: 'tool-start', args: { item: 'pen' } },
      ],
      /pattern 2[^]*one fits, but before[^]*"pen"/,
    ],
    ['once more', [{ type: 'run-end' }, { type: 'run-end' }], /pattern 2[^]*from there on there are none/],
    ['another type', [{ type: 'agent-start' }], /pattern 1[^]*from there on there are:\n {2}run-start\n/],
    ['a longer list', [{ type: 'run-end', output: [5, 3, 1] }], /pattern 1/],
    ['a shorter list', [{ type: 'run-end', output: [5] }], /pattern 1/],
  ])('fail for %s, and say what there was', (_, patterns, message) => {
    expect(failureOf(() => assertEvents(events, patterns))).toMatch(message)
  })

  it('fail for an event that must not be there', () => {
    expect(failureOf(() => assertNoEvent(events, { type: 'tool-start', args: { item: 'pen' } }))).toMatch(
      /must be no event .*, and event \d+ is one:\n.*"pen"/,
    )
  })
})

it('events of a run that fails are collected up to its end', async () => {
  const failing = codeAgent({ name: 'failing', description: 'Fails.', model: scriptedModel(new Error('no credit')) })
  const run = failing.run('x')
  const events = await collectEvents(run)
  assertEvents(events, [{ type: 'run-start' }, { type: 'run-end', status: 'failed' }])
  await run.then(
    () => expect.unreachable(),
    () => {},
  )
})
