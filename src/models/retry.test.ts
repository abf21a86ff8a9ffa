import { APICallError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { TroupeError } from '../errors/troupe-error.ts'
import { retryAfter } from './classify.ts'
import { withRetry, type RetryClock, type RetryPolicy } from './retry.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

/** Time that passes only while something sleeps. */
function testClock(random = 0.5): RetryClock & { readonly waits: number[]; advance(ms: number): void } {
  let now = NOW
  const waits: number[] = []
  return {
    waits,
    now: () => now,
    random: () => random,
    advance: (ms) => void (now += ms),
    sleep: async (ms) => void (waits.push(ms), (now += ms)),
  }
}

function status(statusCode: number, responseHeaders: Record<string, string> = {}, responseBody = ''): APICallError {
  return new APICallError({
    message: `said ${statusCode}`,
    url: 'http://x',
    requestBodyValues: {},
    statusCode,
    responseHeaders,
    responseBody,
  })
}

/** Throws each fault in turn, then answers. */
async function run(
  faults: readonly unknown[],
  clock: RetryClock,
  policy?: Partial<RetryPolicy>,
): Promise<{ attempts: number; error?: unknown }> {
  let attempts = 0
  try {
    await withRetry(
      async (n) => {
        attempts = n
        if (n <= faults.length) return Promise.reject(faults[n - 1])
      },
      { model: 'm', clock, ...(policy && { policy }) },
    )
    return { attempts }
  } catch (error) {
    return { attempts, error }
  }
}

describe('what is tried again', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  test.each<readonly [string, unknown]>([
    ...[408, 409, 429, 500, 502, 503, 504, 529].map((code) => [`status ${code}`, status(code)] as const),
    ['a refused connection', new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) })],
    [
      'a reset connection, wrapped by the SDK',
      new APICallError({ message: 'Cannot connect to API', url: 'x', requestBodyValues: {}, cause: reset, isRetryable: true }),
    ],
    [
      'undici time-outs',
      new TypeError('fetch failed', { cause: Object.assign(new Error('headers'), { code: 'UND_ERR_HEADERS_TIMEOUT' }) }),
    ],
    ['a body cut while it is read', new TypeError('terminated')],
    ['a time-out', new DOMException('late', 'TimeoutError')],
    ['an abort that is not ours', new DOMException('aborted', 'AbortError')],
    ['a page in place of an answer', status(200, {}, '<html>')],
  ])('%s', async (_what, fault) => {
    expect(await run([fault], testClock())).toEqual({ attempts: 2 })
  })
})

describe('what is not', () => {
  test.each([
    [400, 'check the model id and its options'],
    [401, 'check the API key'],
    [403, "check the API key's rights"],
    [404, 'check the model id and the base URL'],
    [413, 'too long'],
  ])('status %i, with what to check', async (code, advice) => {
    const clock = testClock()
    const { attempts, error } = await run([status(code)], clock)
    expect(attempts).toBe(1)
    expect(clock.waits).toEqual([])
    expect(error).toMatchObject({
      code: 'model/failed',
      retryable: false,
      details: { model: 'm', attempts: 1, status: code },
      message: expect.stringContaining(advice),
    })
  })

  test('a spent quota, though its status is 429', async () => {
    const { attempts, error } = await run([status(429, {}, '{"error":{"code":"insufficient_quota"}}')], testClock())
    expect([attempts, TroupeError.is(error, 'model/failed')]).toEqual([1, true])
  })

  test('an error of ours, which passes unchanged', async () => {
    const ours = new TroupeError('model/no-turn', 'nothing left')
    expect(await run([ours], testClock())).toEqual({ attempts: 1, error: ours })
  })

  test('a fault in a program', async () => {
    expect((await run([new RangeError('bad index')], testClock())).error).toMatchObject({
      code: 'model/failed',
      message: 'model m: bad index',
    })
  })
})

describe('waiting', () => {
  test('doubles its range with each retry, with full jitter', async () => {
    const clock = testClock(0.5)
    expect(await run([status(500), status(500), status(500)], clock)).toEqual({ attempts: 4 })
    expect(clock.waits).toEqual([250, 500, 1000])
    const lucky = testClock(0)
    await run([status(500), status(500)], lucky)
    expect(lucky.waits).toEqual([0, 0])
  })

  test('is what the provider asks for', async () => {
    const clock = testClock()
    await run([status(429, { 'retry-after': '2' }), status(429, { 'retry-after-ms': '1500', 'retry-after': '9' })], clock)
    expect(clock.waits).toEqual([2000, 1500])
  })

  test('longer than what is left ends at once, and says so', async () => {
    const clock = testClock()
    const { attempts, error } = await run([status(429, { 'Retry-After': '31' })], clock)
    expect([attempts, clock.waits]).toEqual([1, []])
    expect(error).toMatchObject({
      code: 'model/unavailable',
      retryable: true,
      message: expect.stringContaining('it asks to wait 31 s, and 30 s are left'),
      details: { retryAfterMs: 31_000 },
    })
  })

  test('ends at once when the signal aborts', async () => {
    const stop = new AbortController()
    const started = performance.now()
    const asked = withRetry(async () => Promise.reject(status(503, { 'retry-after': '25' })), { model: 'm', signal: stop.signal })
    setTimeout(() => stop.abort(), 5)
    await expect(asked).rejects.toMatchObject({ code: 'run/cancelled' })
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test("throws the signal's reason where that is one of our errors", async () => {
    const reason = new TroupeError('budget/spent', 'enough')
    await expect(withRetry(async () => 1, { model: 'm', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('the end of patience', () => {
  test('comes after three retries', async () => {
    const { attempts, error } = await run(Array(9).fill(status(503)), testClock())
    expect(attempts).toBe(4)
    expect(error).toMatchObject({
      code: 'model/unavailable',
      retryable: true,
      message: 'model m: status 503: said 503; gave up after 4 attempts',
      details: { model: 'm', attempts: 4, status: 503 },
    })
  })

  test('comes when the time is over, counted from the first failure', async () => {
    const clock = testClock()
    let attempts = 0
    const slow = withRetry(
      async () => {
        attempts += 1
        clock.advance(20_000)
        throw status(500)
      },
      { model: 'm', clock },
    )
    await expect(slow).rejects.toMatchObject({ code: 'model/unavailable' })
    expect(attempts).toBe(3)
  })

  test('is configurable', async () => {
    expect((await run(Array(9).fill(status(500)), testClock(), { maxRetries: 5 })).attempts).toBe(6)
    expect((await run([status(500)], testClock(), { maxRetries: 0 })).attempts).toBe(1)
    expect((await run([status(500, { 'retry-after': '2' })], testClock(), { totalMs: 1000 })).attempts).toBe(1)
  })
})

test.each([
  [{ 'retry-after': '3' }, 3000],
  [{ 'Retry-After': '0.5' }, 500],
  [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:07 GMT' }, 7000],
  [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
  [{ 'retry-after-ms': '120' }, 120],
  [{ 'retry-after': 'soon' }, undefined],
  [{}, undefined],
  [undefined, undefined],
])('Retry-After %j is %s ms', (headers, expected) => {
  expect(retryAfter(headers, NOW)).toBe(expected)
})
