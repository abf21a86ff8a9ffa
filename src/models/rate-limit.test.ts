import { expect, test } from 'vitest'
import { scriptedModel } from '../testing/scripted-model.ts'
import { askModel } from './ask.ts'
import type { ModelRequest } from './model.ts'
import { rateLimited } from './rate-limit.ts'
import type { RetryClock } from './retry.ts'

const request: ModelRequest = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }], maxOutputTokens: 95 } // 4 + 1 tokens of prompt: 100 in all

function testClock(): RetryClock & { readonly waits: number[] } {
  let now = 1_000_000
  const waits: number[] = []
  return { waits, now: () => now, random: () => 0, sleep: async (ms) => void (waits.push(ms), (now += ms)) }
}

test('the request that does not fit waits until the oldest has left the minute', async () => {
  const clock = testClock()
  const inner = scriptedModel('y')
  const model = rateLimited(inner, { requestsPerMinute: 2, clock })
  await Promise.all([1, 2, 3, 4, 5].map(() => askModel(model, request)))
  expect(inner.calls).toHaveLength(5)
  expect(clock.waits).toEqual([60_000, 60_000])
})

test.each([true, false])('tokens count as estimated until the answer says what it used (streaming: %s)', async (stream) => {
  const clock = testClock()
  const used = { inputTokens: 10, outputTokens: 10 }
  const model = rateLimited(scriptedModel({ content: 'y', usage: used }), { tokensPerMinute: 150, clock })
  for (let n = 0; n < 3; n++) await askModel(model, request, { stream })
  expect(clock.waits).toEqual([]) // 40 are used, and 100 more still fit
  await askModel(model, request, { stream })
  expect(clock.waits).toEqual([60_000])
})

test('calls at the same time are counted before any has answered', async () => {
  const clock = testClock()
  const model = rateLimited(scriptedModel('y'), { tokensPerMinute: 150, clock })
  await Promise.all([askModel(model, request), askModel(model, request)])
  expect(clock.waits).toEqual([60_000])
})

test('a call that is larger than the limit waits for an empty minute, not for ever', async () => {
  const clock = testClock()
  const model = rateLimited(scriptedModel('y'), { tokensPerMinute: 20, clock })
  await askModel(model, request)
  await askModel(model, request)
  expect(clock.waits).toEqual([60_000])
})

test('waiting ends with the signal, in the line too, and takes nobody else along', async () => {
  const inner = scriptedModel('y')
  const held = Promise.withResolvers<void>()
  const sleep: RetryClock['sleep'] = (_ms, signal) =>
    Promise.race([held.promise, new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))])
  let now = 0
  const model = rateLimited(inner, { requestsPerMinute: 1, clock: { now: () => now, random: () => 0, sleep } })
  await askModel(model, request)
  const [first, second] = [new AbortController(), new AbortController()]
  const ask = (abortSignal?: AbortSignal): PromiseLike<unknown> =>
    model.doGenerate({ prompt: request.prompt, ...(abortSignal && { abortSignal }) })
  const waiting = [ask(first.signal), ask(second.signal), ask()]
  second.abort()
  await expect(waiting[1]).rejects.toMatchObject({ code: 'run/cancelled' })
  first.abort()
  await expect(waiting[0]).rejects.toMatchObject({ code: 'run/cancelled' })
  now = 60_000
  held.resolve()
  await waiting[2]
  expect(inner.calls).toHaveLength(2)
})

test('a limit that lets nothing through is refused', () => {
  expect(() => rateLimited(scriptedModel('y'), { requestsPerMinute: 0 })).toThrow(/must be positive/)
})
