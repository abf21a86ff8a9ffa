import { expect, test } from 'vitest'
import { costOf, priceOf, PRICES } from './price.ts'

test.each([
  ['gpt-5', 'gpt-5'],
  ['gpt-5-2025-08-07', 'gpt-5'],
  ['gpt-5-mini-2025-08-07', 'gpt-5-mini'],
  ['openai/gpt-4o', 'gpt-4o'],
  ['claude-sonnet-4-20250514', 'claude-sonnet-4'],
  ['claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ['eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
  ['mistral-small-latest', 'mistral-small'],
])('%s costs what %s does', (id, listed) => {
  expect(PRICES).toHaveProperty([listed])
  expect(priceOf(id)).toBe(PRICES[listed])
})

test.each(['gpt-5-pro', 'gpt-5.1', 'gpt-4o-audio-preview', 'claude-sonnet-5', 'gemini-2.5-flash-image', 'llama', 'toString', ''])(
  '%s has no price, rather than a wrong one',
  (id) => {
    expect(priceOf(id)).toBeUndefined()
    expect(costOf(id, { inputTokens: 1, outputTokens: 1 })).toBeUndefined()
  },
)

test('cached input and cache writes have prices of their own, and are parts of the input', () => {
  const prices = { m: { input: 10, cachedInput: 1, cacheWrite: 12, output: 100 } }
  const usage = { inputTokens: 1000, cachedInputTokens: 600, outputTokens: 50, reasoningTokens: 20 }
  expect(costOf('m', usage, prices)).toBeCloseTo((400 * 10 + 600 * 1 + 50 * 100) / 1e6, 12)
  expect(costOf('m', usage, prices, 100)).toBeCloseTo((300 * 10 + 600 * 1 + 100 * 12 + 50 * 100) / 1e6, 12)
  expect(costOf('m', usage, { m: { input: 10, output: 100 } })).toBeCloseTo((1000 * 10 + 50 * 100) / 1e6, 12)
})

test('own prices come first', () => {
  expect(costOf('gpt-5', { inputTokens: 1_000_000, outputTokens: 0 }, { 'gpt-5': { input: 7, output: 7 } })).toBe(7)
})
