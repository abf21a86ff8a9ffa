import { describe, expect, it } from 'vitest'
import type { Entry } from '../client/entry.ts'
import { TreeBudget, type BudgetLimits, type BudgetRequest } from './budget.ts'
import { spentIn, workedMs } from './spent-by-log.ts'
import { MemoryLedger } from './memory/memory-ledger.ts'

const signal = new AbortController().signal
const asking = (inputTokens: number, maxOutputTokens: number, price: BudgetRequest['price'] = { input: 1, output: 10 }): BudgetRequest => ({
  inputTokens,
  maxOutputTokens,
  price,
})
const used = (inputTokens: number, outputTokens: number, costUsd?: number) => ({
  inputTokens,
  outputTokens,
  ...(costUsd !== undefined && { costUsd }),
})

/** Whether a promise is settled once all that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open')
  await new Promise((resolve) => setImmediate(resolve))
  return (await Promise.race([promise, Promise.resolve(open)])) !== open
}

describe('TreeBudget', () => {
  it('holds what is reserved, and replaces it by what was used', async () => {
    const budget = new TreeBudget({ tokens: 10_000 })
    const reservation = await budget.reserve(asking(1_000, 4_000), signal)
    expect(budget.reserved.tokens).toBe(5_000)
    expect(budget.spent.tokens).toBe(0)
    await reservation.settle(used(1_200, 300))
    expect(budget.reserved.tokens).toBe(0)
    expect(budget.spent.tokens).toBe(1_500)
    reservation.release()
    expect(budget.reserved.tokens).toBe(0)
  })

  it('gives back what is held when the call failed', async () => {
    const budget = new TreeBudget({ tokens: 10_000 })
    const reservation = await budget.reserve(asking(1_000, 4_000), signal)
    reservation.release()
    expect([budget.reserved.tokens, budget.spent.tokens]).toEqual([0, 0])
  })

  it('lowers what a call may write to what is left, down to 256', async () => {
    const budget = new TreeBudget({ tokens: 3_000 })
    const first = await budget.reserve(asking(1_000, 8_192), signal)
    expect(first.maxOutputTokens).toBe(2_000)
    await first.settle(used(1_000, 1_244))
    const second = await budget.reserve(asking(500, 8_192), signal)
    expect(second.maxOutputTokens).toBe(256)
    second.release()
    await expect(budget.reserve(asking(501, 8_192), signal)).rejects.toMatchObject({
      code: 'budget/spent',
      message: expect.stringContaining('2244 of 3000 tokens') as string,
    })
  })

  it('lets a call through that wants less than 256', async () => {
    const budget = new TreeBudget({ tokens: 1_100 })
    expect((await budget.reserve(asking(1_000, 100), signal)).maxOutputTokens).toBe(100)
  })

  it('turns USD into tokens by the price', async () => {
    const budget = new TreeBudget({ costUsd: 0.02 })
    const reservation = await budget.reserve(asking(10_000, 8_192), signal) // 0.01 for input, 0.01 is left at 10 a million
    expect(reservation.maxOutputTokens).toBe(1_000)
    expect(budget.reserved.costUsd).toBeCloseTo(0.02)
    await reservation.settle(used(10_000, 100, 0.011))
    expect(budget.spent.costUsd).toBeCloseTo(0.011)
  })

  it('refuses a model without a price under a cap in USD, its caller’s too, and takes one that is free', async () => {
    const caller = new TreeBudget({ costUsd: 1 })
    const budget = new TreeBudget({ tokens: 10_000 }, undefined, caller)
    await expect(budget.reserve(asking(1, 300, null), signal)).rejects.toMatchObject({ code: 'config/invalid' })
    expect((await budget.reserve(asking(1, 300, { input: 0, output: 0 }), signal)).maxOutputTokens).toBe(300)
    expect((await new TreeBudget({ tokens: 10_000 }).reserve(asking(1, 300, null), signal)).maxOutputTokens).toBe(300)
  })

  it('waits while siblings hold what is missing, and goes on when one settles', async () => {
    const caller = new TreeBudget({ tokens: 10_000 })
    const [one, other] = [new TreeBudget({}, undefined, caller), new TreeBudget({}, undefined, caller)]
    const first = await one.reserve(asking(1_000, 8_000), signal)
    const second = other.reserve(asking(1_000, 4_000), signal)
    expect(await isSettled(second)).toBe(false)
    await first.settle(used(1_000, 500))
    expect((await second).maxOutputTokens).toBe(4_000)
    expect([caller.spent.tokens, caller.reserved.tokens]).toEqual([1_500, 5_000])
  })

  it('ends the wait of a run that is aborted', async () => {
    const budget = new TreeBudget({ tokens: 10_000 })
    await budget.reserve(asking(1_000, 8_000), signal)
    const controller = new AbortController()
    const waiting = budget.reserve(asking(1_000, 4_000), controller.signal)
    controller.abort(new Error('cancelled'))
    await expect(waiting).rejects.toThrow('cancelled')
  })

  it('counts for every run above, and the tightest of them decides', async () => {
    const top = new TreeBudget({ tokens: 100_000, toolCalls: 3 })
    const middle = new TreeBudget({ tokens: 5_000 }, undefined, top)
    const leaf = new TreeBudget({}, undefined, middle)
    const reservation = await leaf.reserve(asking(1_000, 8_192), signal)
    expect(reservation.maxOutputTokens).toBe(4_000)
    await reservation.settle(used(1_000, 1_000))
    expect([top, middle, leaf].map(({ spent }) => spent.tokens)).toEqual([2_000, 2_000, 2_000])
    await leaf.takeToolCalls(2)
    expect(() => leaf.takeToolCalls(2)).toThrow(expect.objectContaining({ code: 'budget/spent' }))
    expect([top, middle, leaf].map(({ spent }) => spent.toolCalls)).toEqual([2, 2, 2])
    await leaf.takeToolCalls(1)
    expect(() => middle.takeToolCalls(1)).toThrow('the budget of 3 tool calls is spent')
  })

  it('lends what is left to an agent in another store, and waits for what others hold', async () => {
    const budget = new TreeBudget({ tokens: 10_000, toolCalls: 5 })
    await budget.takeToolCalls(2)
    const asked = await budget.lend({ run: 'r-1', asked: { tokens: 4_000 } }, signal)
    expect(asked.limits).toEqual({ tokens: 4_000, toolCalls: 3 })
    const all = budget.lend({ run: 'r-2', asked: {} }, signal)
    expect(await isSettled(all)).toBe(false)
    await asked.settle(used(1_000, 500))
    const loan = await all
    expect(loan.limits).toEqual({ tokens: 8_500, toolCalls: 3 })
    await loan.settle(used(8_000, 900))
    loan.release()
    expect([budget.spent.tokens, budget.reserved.tokens]).toEqual([10_400, 0])
    await expect(budget.lend({ run: 'r-3', asked: {} }, signal)).rejects.toMatchObject({ code: 'budget/spent' })
  })

  describe('with what other activations spend too', () => {
    const shared = (limits: BudgetLimits) => {
      const ledger = new MemoryLedger()
      const scopes = [{ id: 'run:r', limits }]
      const parts = { holder: 'r', ledger, scopes: () => scopes, handedDown: scopes }
      return { ledger, scopes, budget: new TreeBudget({}, undefined, null, parts) }
    }

    it('takes no tool calls that the store refuses', async () => {
      const { ledger, scopes, budget } = shared({ toolCalls: 5 })
      const others = await ledger.reserve('r-1', scopes, { tokens: 0, costUsd: 0, toolCalls: 4 })
      if (others.ok) await ledger.settle(others.id, { tokens: 0, costUsd: 0, toolCalls: 4 })
      await expect(budget.takeToolCalls(3, signal)).rejects.toMatchObject({ code: 'budget/spent' })
      expect(budget.spent.toolCalls).toBe(0)
      await budget.takeToolCalls(1, signal)
      expect([budget.spent.toolCalls, (await ledger.spent('run:r')).spent.toolCalls]).toEqual([1, 5])
    })

    it('waits no longer than its run for tool calls that a dead process holds', async () => {
      const { ledger, scopes, budget } = shared({ toolCalls: 5 })
      await ledger.reserve('r-1', scopes, { tokens: 0, costUsd: 0, toolCalls: 5 })
      const over = new AbortController()
      const taking = Promise.resolve(budget.takeToolCalls(1, over.signal)).catch((error: unknown) => error)
      over.abort('over')
      const late = new Promise((resolve) => setTimeout(resolve, 2_000, 'still waits'))
      expect(await Promise.race([taking, late])).toBe('over')
      expect([budget.spent.toolCalls, (await ledger.spent('run:r')).spent.toolCalls]).toEqual([0, 0])
    })

    it('lends after what a model call holds is given back, and two never get more together than is left', async () => {
      const { ledger, budget } = shared({ tokens: 10_000 })
      const call = await budget.reserve({ inputTokens: 1_000, maxOutputTokens: 9_000, price: null }, signal)
      const first = budget.lend({ run: 'r-2', asked: {} }, signal)
      const early = await Promise.race([first.catch((error: unknown) => error), isSettled(first)])
      expect(early).toBe(false)
      await call.settle(used(1_000, 1_000))
      const loan = await first
      expect(loan.limits).toEqual({ tokens: 8_000 })
      const second = budget.lend({ run: 'r-3', asked: {} }, signal)
      expect(await isSettled(second)).toBe(false)
      await loan.settle(used(2_000, 1_000))
      await loan.settle(used(2_000, 1_000))
      expect((await second).limits).toEqual({ tokens: 5_000 })
      expect((await ledger.spent('run:r')).spent.tokens).toBe(5_000)
    })
  })

  it('lends without caps where there are none', async () => {
    const loan = await new TreeBudget({}).lend({ run: 'r-1', asked: {} }, signal)
    expect(loan.limits).toEqual({})
  })

  it('is limited where any run above is', () => {
    expect(new TreeBudget({}).isLimited).toBe(false)
    expect(new TreeBudget({ timeMs: 5 }).isLimited).toBe(false)
    expect(new TreeBudget({}, undefined, new TreeBudget({ costUsd: 1 })).isLimited).toBe(true)
  })
})

const entry = (type: Entry['type'], body: unknown, at: number = 0): Entry =>
  ({ run: 'r', seq: 1, epoch: 1, at: new Date(at).toISOString(), type, body }) as Entry

describe('spentIn', () => {
  it('counts each model call that answered and each tool call that began, once', () => {
    const answered = (usage: object) => entry('model-end', { step: 1, value: { text: '', modelId: 'm', usage } })
    const log = [
      answered({ inputTokens: 10, outputTokens: 2, costUsd: 0.5 }),
      answered({ inputTokens: 1, outputTokens: 1 }),
      entry('model-end', { step: 2, error: { code: 'model/failed' } }),
      entry('call-asked', { tool: 'a', args: '{}' }),
      entry('tool-start', { tool: 'a', args: '{}' }),
      entry('agent-end', { childRunId: 'r', usage: { inputTokens: 99, outputTokens: 99 } }),
    ]
    expect(spentIn(log)).toEqual({ tokens: 14, costUsd: 0.5, toolCalls: 1 })
    const failed = { code: 'model/unavailable', details: { usage: { inputTokens: 3, outputTokens: 4, costUsd: 0.25 } } }
    expect(spentIn([...log, entry('model-end', { step: 3, error: failed })])).toEqual({ tokens: 21, costUsd: 0.75, toolCalls: 1 })
    const elsewhere = { ...entry('agent-end', { childRunId: 'r-1', usage: { inputTokens: 5, outputTokens: 5 } }) }
    expect(spentIn([...log, elsewhere])).toEqual({ tokens: 24, costUsd: 0.5, toolCalls: 1 })
  })
})

describe('workedMs', () => {
  it('is the time from entry to entry of each activation, without that in which nobody had the run', () => {
    const at = (time: number, epoch: number): Entry => ({ ...entry('log', {}, time), epoch })
    const log = [at(1_000, 0), at(1_100, 1), at(1_500, 1), at(9_500, 0), at(9_600, 2), at(9_900, 2)]
    expect(workedMs(log)).toBe(700)
    expect(workedMs([])).toBe(0)
  })
})
