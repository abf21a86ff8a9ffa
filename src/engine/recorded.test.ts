import { describe, expect, it } from 'vitest'
import type { Entry, EntryBodies, EntryType } from '../client/entry.ts'
import { isCallKey, Recorded } from './recorded.ts'

const AT = '2026-01-02T03:04:05.678Z'
let seq = 0
const entry = <Type extends EntryType>(key: string, type: Type, body: EntryBodies[Type]): Entry<Type> => ({
  run: 'r',
  seq: ++seq,
  key,
  epoch: 1,
  at: AT,
  type,
  body,
})
const start = (key: string): Entry => entry(key, 'tool-start', { tool: 't', args: key })
const end = (key: string, order: number): Entry =>
  entry(key, 'tool-end', { tool: 't', answer: { ok: true, value: '1' }, order, durationMs: 1 })

describe('Recorded', () => {
  it('finds an entry by type and key, also one that was added later', () => {
    const recorded = new Recorded([entry('1', 'effect', { value: 'old' })])
    expect(recorded.find('effect', '1')?.body).toEqual({ value: 'old' })
    expect(recorded.find('step-start', '1')).toBeUndefined()
    recorded.add([entry('1', 'step-start', { step: 1 })])
    expect(recorded.find('step-start', '1')?.body).toEqual({ step: 1 })
    expect(recorded.entries.length).toBe(2)
  })

  it('orders memos by the log and leaves calls to their action', () => {
    const recorded = new Recorded([
      entry('1', 'step-start', { step: 1 }),
      entry('b', 'effect', { value: 1 }),
      entry('1.1', 'effect', { value: 1 }),
      entry('1.2.approval', 'wait-end', { value: null }),
      entry('a', 'wait-end', { value: null }),
      entry('2.model', 'model-end', { step: 2, value: { text: '', usage: { inputTokens: 0, outputTokens: 0 }, modelId: 'm' } }),
    ])
    expect(recorded.turns()).toEqual(['effect b', 'wait-end a', 'model-end 2.model'])
  })

  it('tells of each call of a step what became of it, and mixes up no numbers', () => {
    const asked = entry('1.3', 'call-asked', { tool: 'ask', args: '{}' })
    const recorded = new Recorded([
      start('1.1'),
      start('1.10'),
      asked,
      start('11.1'),
      end('1.10', 1),
      start('1.2'),
      end('1.2', 2),
      entry('1.3.approval', 'approval-wanted', { reason: 'approval', question: '' }),
    ])
    expect(recorded.calls(1).map(({ call, started, order }) => [call, started, order])).toEqual([
      [1, true, null],
      [10, true, 1],
      [3, false, null],
      [2, true, 2],
    ])
    expect(recorded.calls(11).map(({ call }) => call)).toEqual([1])
    expect(recorded.calls(2)).toEqual([])
  })

  it('knows how an action ended', () => {
    const body = { step: 1, execution: null, prints: '', fuel: 3, poisoned: false, isolation: 'interpreter' }
    const recorded = new Recorded([entry('1.end', 'action-end', body)])
    expect(recorded.end(1)).toEqual(body)
    expect(recorded.end(2)).toBeNull()
  })

  it.each([
    ['2.5', true],
    ['2.5.approval', true],
    ['12.10', true],
    ['2.model', false],
    ['3.plan', false],
    ['2', false],
    ['a.1', false],
  ])('takes %s for a call: %s', (key, isCall) => {
    expect(isCallKey(key)).toBe(isCall)
  })
})
