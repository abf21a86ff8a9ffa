import { expect, test } from 'vitest'
import { z } from 'zod'
import { isRepeatable, needsApproval } from './approval.ts'
import { tool, type ToolEffect } from './tool.ts'

const options = { name: 'pay', description: 'Pays.', input: z.object({ usd: z.number() }), run: () => 1 }

test('irreversible always asks, whatever needsApproval says', () => {
  expect(needsApproval(tool({ ...options, effect: 'irreversible', needsApproval: false }), { usd: 1 })).toBe(true)
})

test('a value counts as it is, and no value as no', () => {
  expect(needsApproval(tool({ ...options, needsApproval: true }), { usd: 1 })).toBe(true)
  expect(needsApproval(tool({ ...options, needsApproval: false }), { usd: 1 })).toBe(false)
  expect(needsApproval(tool(options), { usd: 1 })).toBe(false)
  expect(needsApproval(tool({ ...options, effect: 'write' }), { usd: 1 })).toBe(false)
})

test('a function sees the parsed arguments', () => {
  const pay = tool({ ...options, needsApproval: ({ usd }) => usd > 10 })
  expect(needsApproval(pay, { usd: 11 })).toBe(true)
  expect(needsApproval(pay, { usd: 10 })).toBe(false)
})

test('a function that throws counts as yes', () => {
  const pay = tool({
    ...options,
    needsApproval: () => {
      throw new Error('broken rule')
    },
  })
  expect(needsApproval(pay, { usd: 1 })).toBe(true)
})

test('what may be repeated after a crash', () => {
  const effects: ToolEffect[] = ['read', 'idempotent', 'write', 'irreversible']
  expect(effects.filter((effect) => isRepeatable(effect))).toEqual(['read', 'idempotent'])
  expect(isRepeatable(undefined)).toBe(false)
})
