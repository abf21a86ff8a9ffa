import { APICallError, type LanguageModelV4, type LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { TroupeError } from '../errors/troupe-error.ts'
import { scriptedModel } from '../testing/scripted-model.ts'
import { usageV4 } from './answer-stream.ts'
import { askModel } from './ask.ts'
import { fallbackModel, type FallbackOptions } from './fallback.ts'
import type { ModelRequest } from './model.ts'

const request: ModelRequest = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  )

interface Named extends LanguageModelV4 {
  readonly calls: readonly unknown[]
}
const named = (modelId: string, reply: string | Error): Named => ({ ...scriptedModel(reply), modelId })
const down = (statusCode = 503): Error => new APICallError({ message: 'down', url: 'x', requestBodyValues: {}, statusCode })

function testClock(): NonNullable<FallbackOptions['clock']> & { advance(ms: number): void } {
  let now = 0
  return { now: () => now, random: () => 0, sleep: async (ms) => void (now += ms), advance: (ms) => void (now += ms) }
}

test.each([true, false])('the next model answers where one is unavailable, and the answer says which (streaming: %s)', async (stream) => {
  const [a, b, c] = [named('a', down()), named('b', 'from b'), named('c', 'from c')]
  const reply = await askModel(fallbackModel([a, b, c], { clock: testClock() }), request, { stream })
  expect(reply).toMatchObject({ text: 'from b', modelId: 'b', attempts: 1 })
  expect([a.calls.length, b.calls.length, c.calls.length]).toEqual([2, 1, 0])
})

test('a refusal is not taken elsewhere', async () => {
  const b = named('b', 'from b')
  expect(await failureOf(askModel(fallbackModel([named('a', down(400)), b], { clock: testClock() }), request))).toMatchObject({
    code: 'model/failed',
    details: { model: 'a', status: 400 },
  })
  expect(b.calls).toEqual([])
})

test('an unavailable model is passed over until it has cooled down', async () => {
  const clock = testClock()
  const a = named('a', down())
  const model = fallbackModel([a, named('b', 'from b')], { clock, retry: { maxRetries: 0 }, coolDownMs: 1_000 })
  await askModel(model, request)
  await askModel(model, request)
  expect(a.calls).toHaveLength(1)
  clock.advance(1_000)
  await askModel(model, request)
  expect(a.calls).toHaveLength(2)
})

test('when none is left the error names them all, and asking again is not retried from outside', async () => {
  const [a, b] = [named('a', down()), named('b', down(500))]
  const error = await failureOf(askModel(fallbackModel([a, b], { clock: testClock(), retry: { maxRetries: 0 } }), request))
  expect(TroupeError.is(error, 'model/unavailable') && error.message).toBe(
    'no model is available: model a: status 503: down; model b: status 500: down',
  )
  expect([a.calls.length, b.calls.length]).toEqual([1, 1])
})

function streaming(modelId: string, parts: readonly LanguageModelV4StreamPart[]): LanguageModelV4 {
  return {
    ...named(modelId, 'x'),
    doStream: async () => ({ stream: new ReadableStream({ start: (c) => (parts.forEach((part) => c.enqueue(part)), c.close()) }) }),
  }
}

test('a stream that fails before its first content is taken over; one that breaks later is asked for again elsewhere', async () => {
  const b = streaming('b', [
    { type: 'text-delta', id: '0', delta: 'from b' },
    { type: 'finish', finishReason: { unified: 'stop', raw: undefined }, usage: usageV4(1, 1) },
  ])
  const clock = testClock()
  const early = streaming('a', [
    { type: 'stream-start', warnings: [] },
    { type: 'error', error: { type: 'overloaded_error', message: 'busy' } },
  ])
  expect(await askModel(fallbackModel([early, b], { clock }), request, { stream: true, clock })).toMatchObject({
    text: 'from b',
    modelId: 'b',
    attempts: 1,
  })
  const late = streaming('a', [{ type: 'text-delta', id: '0', delta: 'so f' }])
  expect(await askModel(fallbackModel([late, b], { clock }), request, { stream: true, clock })).toMatchObject({
    text: 'from b',
    modelId: 'b',
    attempts: 2,
  })
})
