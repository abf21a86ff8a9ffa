import { describe, expect, it } from 'vitest'
import { observationOf } from './observation.ts'

describe('observationOf', () => {
  it('shows prints and the last value', () => {
    expect(observationOf({ type: 'value', value: '3', preview: '3' }, 'sum 95')).toBe('Printed:\nsum 95\nLast value:\n3')
  })

  it('says so when there is nothing to see', () => {
    expect(observationOf({ type: 'value', preview: '' }, '')).toContain('print what you need to see')
    expect(observationOf({ type: 'value', preview: '' }, 'x')).toBe('Printed:\nx')
  })

  it('speaks the language of the code', () => {
    const nothing = { type: 'value', preview: '' } as const
    const final = { type: 'final-answer', value: '1' } as const
    expect([observationOf(nothing, ''), observationOf(final, '')]).toEqual([
      expect.stringContaining('last value is undefined'),
      'finalAnswer was called.',
    ])
    expect([observationOf(nothing, '', 'python'), observationOf(final, '', 'python')]).toEqual([
      expect.stringContaining('last value is None'),
      'final_answer was called.',
    ])
  })

  it('cuts a long value in its middle', () => {
    const shown = observationOf({ type: 'value', preview: `${'a'.repeat(20_000)}END` }, '')
    expect(shown).toContain('characters left out')
    expect(shown.endsWith('END')).toBe(true)
    expect(shown.length).toBeLessThan(11_000)
  })

  it('names the line of the model’s own code, and keeps what was printed before', () => {
    const error = { kind: 'error', name: 'TypeError', message: 'x is undefined', line: 3 } as const
    const shown = observationOf({ type: 'error', error }, 'before')
    expect(shown).toContain('Printed:\nbefore')
    expect(shown).toContain('Error (line 3 of your code): TypeError: x is undefined')
    expect(shown).toContain('do not repeat calls that have succeeded')
  })
})
