import { describe, expect, it } from 'vitest'
import { checkEvidence, numberOf, stands } from './evidence.ts'

describe('a quote', () => {
  it.each([
    ['{"close":215.14}', '215.14'],
    ['{"close":215.14}', '215.140'],
    ['{"n":1234567}', '1,234,567'],
    ['it was −12.5 % in all', '-12.5%'],
    ['rose to $ 3', '3 USD'],
    ['[1,2,3]', '2'],
    ['1e3 units', '1000'],
    ['He said:\n  “No  prices” before 2004.', 'he said: "no prices"'],
    ['{"text":"a \\"b\\" c"}', 'a "b" c'],
    ['{"symbol":"GOOG","from":"2004-08"}', '"symbol":"GOOG"'],
  ])('%s has %s', (text, quote) => {
    expect(stands(text, quote)).toBe(true)
  })

  it.each([
    ['{"close":215.14}', '215.1'],
    ['{"close":312}', '12'],
    ['{"close":312}', '-312'],
    ['{"n":1234567}', '1234'],
    ['no prices', 'prices none'],
    ['anything', ''],
    ['anything', '   '],
    ['v2 of x12', '12'],
  ])('%s has no %s', (text, quote) => {
    expect(stands(text, quote)).toBe(false)
  })

  it('is a number in many ways of writing', () => {
    expect(['1,234.50', '−7', '12 %', '€ 3', '2.5e2', '+4'].map(numberOf)).toEqual([1234.5, -7, 12, 3, 250, 4])
    expect(['', '-', '1,23', 'twelve', '1.2.3', '12 apples'].map(numberOf)).toEqual([null, null, null, null, null, null])
  })
})

describe('evidence', () => {
  const sources = [
    { refs: ['quote#1', '1.1'], text: '{"close":215.14}' },
    { refs: ['inputs.note'], text: 'since 2004' },
  ]

  it('is looked up by any of the names of what was recorded', () => {
    const checked = checkEvidence(
      [
        { ref: 'quote#1', quote: '215.14' },
        { ref: '1.1', quote: '215.14' },
        { ref: 'INPUTS.note ', quote: 'Since 2004' },
      ],
      sources,
    )
    expect(checked.every(({ fault }) => fault === undefined)).toBe(true)
  })

  it('says what does not stand, and what there is to refer to', () => {
    expect(checkEvidence([{ ref: 'quote#1', quote: '99' }], sources)[0]?.fault).toBe("'99' does not stand in quote#1")
    expect(checkEvidence([{ ref: 'quote#2', quote: '1' }], sources)[0]?.fault).toBe("there is no 'quote#2'; there are quote#1, inputs.note")
    expect(checkEvidence([{ ref: 'x', quote: '1' }], [])[0]?.fault).toContain('no recorded calls')
  })
})
