import { expect, test } from 'vitest'
import { z } from 'zod'
import { closest } from './closest.ts'
import { describeIssues, describePath } from './describe-issues.ts'

const schema = z.object({ symbol: z.string(), days: z.number() })

test('issues are lines with the place first', () => {
  expect(
    describeIssues([
      { path: ['items', 0, 'a b'], message: 'is wrong' },
      { path: [], message: 'is wrong too' },
    ]),
  ).toBe("- items[0]['a b']: is wrong\n- is wrong too")
})

test('a wrong key gets the right one as a suggestion', () => {
  const text = describeIssues([{ path: ['symbol'], message: 'is missing' }], { schema, value: { sybol: 'IBM', days: 1 } })
  expect(text).toBe("- symbol: is missing\n- 'sybol': did you mean 'symbol'?")
})

test('no suggestion when the near key is there, or none is near', () => {
  expect(describeIssues([], { schema, value: { symbol: 'a', symbols: 'b', days: 1 } })).toBe('')
  expect(describeIssues([], { schema, value: { colour: 1 } })).toBe('')
})

test('a value that is no object needs no suggestion', () => {
  for (const value of [null, undefined, 'text', 1, [1]])
    expect(describeIssues([{ path: [], message: 'is wrong' }], { schema, value })).toBe('- is wrong')
})

test('a long list is cut', () => {
  const issues = Array.from({ length: 200 }, (_, n) => ({ path: [n], message: 'is wrong' }))
  expect(describeIssues(issues).split('\n')).toHaveLength(11)
  expect(describeIssues(issues)).toMatch(/- and 190 more$/)
})

test('describePath writes what code would', () => {
  expect(describePath([])).toBe('')
  expect(describePath(['a', 'b', 0, 'c-d', 'e'])).toBe("a.b[0]['c-d'].e")
})

test.each([
  ['qoute', 'quote'],
  ['get_quote', 'getQuote'],
  ['QUOTE', 'quote'],
  ['quotes', 'quote'],
  ['sendMail', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
])('closest(%j) is %j', (wrong, right) => {
  expect(closest(wrong.slice(0, 1_000_000), ['quote', 'getQuote', 'days'])).toBe(right)
})
