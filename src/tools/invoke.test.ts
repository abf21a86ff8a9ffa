import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type } from 'arktype'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { TroupeError } from '../errors/troupe-error.ts'
import { invokeTool, parseArguments, type RunToolOptions } from './invoke.ts'
import { tool, type AnyTool, type ToolContext } from './tool.ts'

const quoteOptions = {
  name: 'quote',
  description: 'Closing prices.',
  input: z.object({ symbol: z.string(), days: z.number().default(5) }),
  output: z.array(z.number()),
}
const quote = tool({ ...quoteOptions, run: ({ days }) => Array.from({ length: days }, (_, n) => n) })

afterEach(() => vi.useRealTimers())

describe('arguments', () => {
  test('are parsed: defaults are filled in before run sees them', async () => {
    expect(await invokeTool(quote, { symbol: 'IBM' }, options())).toEqual([0, 1, 2, 3, 4])
  })

  test('that do not fit name the key, the problem and the signature', async () => {
    const error = await fault(invokeTool(quote, { sybol: 'IBM', days: 'x' }, options()))
    expect(error.code).toBe('tool/arguments')
    expect(error.message).toMatchInlineSnapshot(`
      "quote: the arguments do not fit.
      - symbol: Invalid input: expected string, received undefined
      - days: Invalid input: expected number, received string
      - sybol: there is no such key; did you mean 'symbol'?
      Signature: quote(input: { symbol: string; days?: number /* default 5 */ }): Promise<number[]>"
    `)
    expect(error.details['tool']).toBe('quote')
    expect(error.details['issues']).toHaveLength(3)
  })

  test('show the signature in the language of the caller', async () => {
    const error = await fault(invokeTool(quote, {}, { ...options(), language: 'python' }))
    expect(error.message).toContain('Signature: quote(symbol: str, days: float = 5) -> list[float]')
  })

  test('with a misspelt optional key are refused, though the library would drop the key', async () => {
    const error = await fault(invokeTool(quote, { symbol: 'IBM', dayz: 9 }, options()))
    expect(error.code).toBe('tool/arguments')
    expect(error.message).toContain(`dayz: there is no such key; did you mean 'days'?`)
  })

  test('of a strict schema name a wrong key once', async () => {
    const strict = tool({ ...quoteOptions, input: z.strictObject({ symbol: z.string() }), run: () => [] })
    const error = await fault(parseArguments(strict, { symbol: 'IBM', colour: 1 }))
    expect(error.message.match(/colour/g)).toHaveLength(1)
  })

  test('of an open schema may have further keys', async () => {
    const open = tool({ ...quoteOptions, input: z.looseObject({ symbol: z.string() }), run: () => [] })
    expect(await parseArguments(open, { symbol: 'IBM', more: 1 })).toEqual({ symbol: 'IBM', more: 1 })
  })

  test('work with ArkType', async () => {
    const ark = tool({ ...quoteOptions, input: type({ symbol: 'string', 'days?': 'number' }), run: () => [1] })
    expect(await invokeTool(ark, { symbol: 'a' }, options())).toEqual([1])
    expect((await fault(invokeTool(ark, { symbol: 1 }, options()))).message).toContain('symbol must be a string (was a number)')
  })

  test.each([['text'], [[1, 2]], [7]])('that are no object (%j) are refused', async (value) => {
    expect((await fault(invokeTool(quote, value, options()))).code).toBe('tool/arguments')
  })

  test.each([undefined, null])('that are absent (%s) count as none given', async (value) => {
    const now = tool({ name: 'now', description: 'x', input: z.object({ zone: z.string().default('UTC') }), run: ({ zone }) => zone })
    expect(await invokeTool(now, value, options())).toBe('UTC')
  })

  test('do not reach run when a check of the schema throws', async () => {
    const run = vi.fn(() => 1)
    const broken = tool({
      name: 'broken',
      description: 'x',
      input: z.object({
        a: z.string().refine(() => {
          throw new Error('bug in the rule')
        }),
      }),
      run,
    })
    const error = await fault(invokeTool(broken, { a: 'x' }, options()))
    expect(error.code).toBe('tool/arguments')
    expect(error.message).toContain('the check threw: bug in the rule')
    expect(run).not.toHaveBeenCalled()
  })

  test('may be checked asynchronously', async () => {
    const slow = tool({
      name: 'slow',
      description: 'x',
      input: z.object({ a: z.string().refine(async (value) => value === 'ok', 'not ok') }),
      run: ({ a }) => a,
    })
    expect(await invokeTool(slow, { a: 'ok' }, options())).toBe('ok')
    expect((await fault(invokeTool(slow, { a: 'no' }, options()))).message).toContain('a: not ok')
  })
})

describe('run', () => {
  test('gets the idempotency key and a live signal', async () => {
    let seen: ToolContext | undefined
    await invokeTool(
      tool({ ...quoteOptions, run: (_, context) => ((seen = context), []) }),
      { symbol: 'a' },
      { ...options(), idempotencyKey: 'r:2.1' },
    )
    expect(seen?.idempotencyKey).toBe('r:2.1')
    expect(seen?.signal.aborted).toBe(false)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no such share')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no such share'))],
  ])('that %s fails with its message and its cause', async (_, run) => {
    const error = await fault(invokeTool(tool({ ...quoteOptions, run }), { symbol: 'a' }, options()))
    expect(error.code).toBe('tool/failed')
    expect(error.message).toBe('quote failed: no such share')
    expect(error.cause).toBeInstanceOf(Error)
  })

  test.each([undefined, null, 'text', { a: 1 }])('that throws %j, which is no error, fails all the same', async (thrown) => {
    const reject = async (): Promise<never> => {
      // oxlint-disable-next-line no-throw-literal, only-throw-error -- what users' code may do
      throw thrown
    }
    expect((await fault(invokeTool(tool({ ...quoteOptions, run: reject }), { symbol: 'a' }, options()))).code).toBe('tool/failed')
  })

  test('that throws an error of Troupe keeps its code in the details', async () => {
    const error = await fault(invokeTool(failing(new TroupeError('model/unavailable', 'busy')), { symbol: 'a' }, options()))
    expect([error.code, error.details['code']]).toEqual(['tool/failed', 'model/unavailable'])
  })

  test.each(['engine/nested', 'tool/failed', 'tool/timeout'] as const)('that throws %s is not wrapped', async (code) => {
    const thrown = new TroupeError(code, 'as it is')
    expect(await fault(invokeTool(failing(thrown), { symbol: 'a' }, options()))).toBe(thrown)
  })

  test('that gives what its schema refuses is an error of the tool, told from one of the arguments', async () => {
    const run: () => never[] = () => JSON.parse('["x"]')
    const error = await fault(invokeTool(tool({ ...quoteOptions, run }), { symbol: 'a' }, options()))
    expect(error.code).toBe('tool/output')
    expect(error.message).toContain('[0]: Invalid input: expected number, received string')
    expect(error.message).toContain('the tool is at fault, not the arguments')
  })

  test('without an output schema may give anything; with one it gives what the schema makes of it', async () => {
    const any = tool({ name: 'anything', description: 'x', input: z.object({}), run: () => undefined })
    expect(await invokeTool(any, {}, options())).toBeUndefined()
    const length = tool({
      name: 'length',
      description: 'x',
      input: z.object({}),
      output: z.string().transform((text) => text.length),
      run: () => 'abc',
    })
    expect(await invokeTool(length, {}, options())).toBe(3)
  })
})

describe('timeout', () => {
  test('ends a call at once although run ignores its signal, and aborts the signal', async () => {
    let signal: AbortSignal | undefined
    const hung = tool({ ...quoteOptions, timeoutMs: 20, run: (_, context) => ((signal = context.signal), new Promise<never>(() => {})) })
    const start = performance.now()
    const error = await fault(invokeTool(hung, { symbol: 'a' }, options()))
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(error.code).toBe('tool/timeout')
    expect(error.message).toContain('within 20 ms. It may have had its effect')
    expect(signal?.aborted).toBe(true)
  })

  test('says that a read may be tried again', async () => {
    const hung = tool({ ...quoteOptions, effect: 'read', timeoutMs: 5, run: () => new Promise<never>(() => {}) })
    expect((await fault(invokeTool(hung, { symbol: 'a' }, options()))).message).toContain('It may be tried again')
  })

  test('of the caller wins over that of the tool; the default is a minute', async () => {
    vi.useFakeTimers()
    const hung = { ...quoteOptions, run: () => new Promise<never>(() => {}) }
    const own = fault(invokeTool(tool({ ...hung, timeoutMs: 1_000_000 }), { symbol: 'a' }, { ...options(), timeoutMs: 10 }))
    const standard = fault(invokeTool(tool(hung), { symbol: 'a' }, options()))
    await vi.advanceTimersByTimeAsync(10)
    expect((await own).details['timeoutMs']).toBe(10)
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await standard).details['timeoutMs']).toBe(60_000)
  })

  test('may be longer than a timer can be', async () => {
    const slow = tool({ ...quoteOptions, timeoutMs: Number.POSITIVE_INFINITY, run: () => sleep(20, [1]) })
    expect(await invokeTool(slow, { symbol: 'a' }, options())).toEqual([1])
  })

  test('leaves no timer and no listener behind', async () => {
    vi.useFakeTimers()
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    await invokeTool(quote, { symbol: 'a' }, { signal: controller.signal, idempotencyKey: 'k' })
    expect(vi.getTimerCount()).toBe(0)
    expect(removed).toHaveBeenCalledTimes(1)
  })

  test('hides an end that comes too late: no unhandled rejection', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const late = tool({
      ...quoteOptions,
      timeoutMs: 5,
      run: async () => {
        await sleep(20)
        throw new Error('late')
      },
    })
    expect((await fault(invokeTool(late, { symbol: 'a' }, options()))).code).toBe('tool/timeout')
    await sleep(40)
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('cancellation', () => {
  test('rejects at once, also when run turns the abort into an error of its own', async () => {
    const controller = new AbortController()
    const polite = tool({
      ...quoteOptions,
      run: (_, { signal }) => new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted by me')))),
    })
    const rude = tool({ ...quoteOptions, run: () => new Promise<never>(() => {}) })
    const errors = [polite, rude].map((one) => fault(invokeTool(one, { symbol: 'a' }, { signal: controller.signal, idempotencyKey: 'k' })))
    await sleep(1)
    controller.abort(new Error('enough'))
    for (const error of await Promise.all(errors)) {
      expect(error.code).toBe('run/cancelled')
      expect(error.cause).toBe(controller.signal.reason)
    }
  })

  test('before the start runs nothing', async () => {
    const run = vi.fn(() => [])
    const error = await fault(
      invokeTool(tool({ ...quoteOptions, run }), { symbol: 'a' }, { signal: AbortSignal.abort(), idempotencyKey: 'k' }),
    )
    expect(error.code).toBe('run/cancelled')
    expect(run).not.toHaveBeenCalled()
  })
})

function options(): RunToolOptions {
  return { signal: new AbortController().signal, idempotencyKey: 'k' }
}

function failing(error: Error): AnyTool {
  return tool({
    ...quoteOptions,
    run: async () => {
      throw error
    },
  })
}

async function fault(promise: Promise<unknown>): Promise<TroupeError> {
  const error = await promise.then(
    (value) => new Error(`nothing was thrown, but given: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  )
  if (TroupeError.is(error)) return error
  throw error
}
