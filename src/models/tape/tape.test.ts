import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LanguageModelV4Message } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { scriptedModel } from '../../testing/scripted-model.ts'
import { askModel } from '../ask.ts'
import type { CallMark, ModelRequest } from '../model.ts'
import { loadTape, memoryTape, recordingModel, tapeFile, tapeModel, type Tape } from './tape.ts'

const asking = (text: string, mark?: CallMark): ModelRequest => ({
  prompt: [{ role: 'user', content: [{ type: 'text', text }] }],
  ...(mark && { providerOptions: { troupe: { ...mark } } }),
})
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  )

/** Asks a model that numbers its answers, and returns the tape of it. */
async function record(...requests: readonly ModelRequest[]): Promise<Tape> {
  const sink = memoryTape()
  let n = 0
  const model = recordingModel(scriptedModel([{ reply: () => `answer ${++n}` }]), sink)
  for (const request of requests) await askModel(model, request, { stream: n % 2 === 0 })
  return sink.records
}

describe('a prompt', () => {
  test('gets the answer that was recorded for it, at once or streamed, and costs nothing', async () => {
    const sink = memoryTape()
    const live = scriptedModel({
      content: 'done',
      reasoning: 'hm',
      toolCalls: [{ id: 'c', name: 'f', arguments: { a: 1 } }],
      usage: { inputTokens: 5, outputTokens: 3 },
    })
    const recorded = await askModel(recordingModel(live, sink), asking('x'), { stream: true })
    for (const stream of [true, false]) {
      expect(await askModel(tapeModel(sink.records), asking('x'), { stream })).toEqual({
        ...recorded,
        modelId: 'tape',
        usage: { ...recorded.usage, costUsd: 0 },
      })
    }
  })

  test('is the same whatever ids, times, durations and costs it holds', async () => {
    const tape = await record(
      asking(
        'run 0190a5c8-6b1e-7c3f-9d2a-1f2e3d4c5b6a at 2026-11-20T10:00:00.123Z took 12 ms, cost $0.0031: {"callId":"a:2.5","durationMs":17,"costUsd":1e-5}',
      ),
    )
    const later = asking(
      'run 0190ffff-6b1e-7c3f-9d2a-1f2e3d4c5b6b at 2027-01-02T11:22:33Z took 1.5 s, cost $1.20: {"callId":"b:2.5","durationMs":3,"costUsd":0.2}',
    )
    expect((await askModel(tapeModel(tape), later)).text).toBe('answer 1')
  })

  test('that was never recorded fails without a retry, with the nearest one and where they part', async () => {
    const tape = await record(asking('Prices:\nIBM 10\nMSFT 20\nbye'), asking('something else'))
    const error = await failureOf(askModel(tapeModel(tape), asking('Prices:\nIBM 11\nMSFT 20\nbye', { agent: 'analyst', step: '2.model' })))
    expect(error).toMatchObject({ code: 'model/no-turn', retryable: false })
    expect(error).toMatchObject({
      message: [
        'the tape has no answer to this prompt of analyst, step 2.model; the nearest recorded prompt differs (- recorded, + asked):',
        '  (1 equal lines)',
        '  user: Prices:',
        '- user: IBM 10',
        '+ user: IBM 11',
      ].join('\n'),
    })
  })

  test('tool results and calls count, the ids of calls do not', async () => {
    const turn = (id: string, value: number): ModelRequest => {
      const prompt: LanguageModelV4Message[] = [
        { role: 'assistant', content: [{ type: 'tool-call', toolCallId: id, toolName: 'f', input: { a: 1 } }] },
        { role: 'tool', content: [{ type: 'tool-result', toolCallId: id, toolName: 'f', output: { type: 'json', value } }] },
      ]
      return { prompt }
    }
    const tape = await record(turn('id-1', 7))
    expect((await askModel(tapeModel(tape), turn('other', 7))).text).toBe('answer 1')
    expect(await failureOf(askModel(tapeModel(tape), turn('id-1', 8)))).toMatchObject({ code: 'model/no-turn' })
  })
})

describe('equal prompts', () => {
  test('without a mark get their answers in order, and no more than there are', async () => {
    const model = tapeModel(await record(asking('x'), asking('y'), asking('x')))
    const texts: string[] = []
    for (const text of ['x', 'x', 'y']) texts.push((await askModel(model, asking(text))).text)
    expect(texts).toEqual(['answer 1', 'answer 3', 'answer 2'])
    expect(await failureOf(askModel(model, asking('x')))).toMatchObject({
      code: 'model/no-turn',
      message: expect.stringContaining('once more'),
    })
  })

  test('of marked calls get the answer of their own run and step, in any order, in a new process, and again', async () => {
    const marks: CallMark[] = [
      { agent: 'coder', run: 'root/2.1', step: '1.model' },
      { agent: 'coder', run: 'root/2.2', step: '1.model' },
      { agent: 'coder', run: 'root/2.2', step: '3.model' },
    ]
    const tape = await record(...marks.map((mark) => asking('the same', mark)))
    for (const [index, mark] of [...marks.entries()].toReversed()) {
      const resumed = tapeModel(tape)
      expect((await askModel(resumed, asking('the same', mark))).text).toBe(`answer ${index + 1}`)
      expect((await askModel(resumed, asking('the same', mark))).text).toBe(`answer ${index + 1}`)
    }
  })

  test('recorded twice for one step, by a run that was killed between, give the answer that went on', async () => {
    const mark = { agent: 'a', run: 'root', step: '1.model' }
    expect((await askModel(tapeModel(await record(asking('x', mark), asking('x', mark))), asking('x', mark))).text).toBe('answer 2')
  })

  test('of a call that is marked other than on the tape fall back to their order', async () => {
    const model = tapeModel(await record(asking('x', { agent: 'a', step: '1.model' })))
    expect((await askModel(model, asking('x', { agent: 'a', step: '2.model' }))).text).toBe('answer 1')
  })
})

test('an answer that broke off or failed is not recorded', async () => {
  const sink = memoryTape()
  const broken = recordingModel(
    {
      ...scriptedModel('x'),
      doStream: async () => ({
        stream: new ReadableStream({ start: (c) => (c.enqueue({ type: 'text-delta', id: '0', delta: 'so f' }), c.close()) }),
      }),
    },
    sink,
  )
  await failureOf(askModel(broken, asking('x'), { stream: true, retry: { maxRetries: 0 } }))
  await failureOf(askModel(recordingModel(scriptedModel(new Error('no')), sink), asking('x')))
  expect(sink.records).toEqual([])
})

describe('a tape file', () => {
  const path = async (): Promise<string> => join(await mkdtemp(join(tmpdir(), 'troupe-tape-')), 'a.tape')

  test('is written line by line and replayed', async () => {
    const file = await path()
    const model = recordingModel(scriptedModel('hello'), tapeFile(file))
    await askModel(model, asking('x', { agent: 'a', step: '1.model' }))
    const lines = (await readFile(file, 'utf8')).split('\n')
    expect([lines[0], lines.length]).toEqual(['{"troupeTape":1}', 3])
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({
      by: { agent: 'a', step: '1.model' },
      prompt: [{ role: 'user', text: 'x' }],
      answer: { modelId: 'script' },
    })
    expect((await askModel(await loadTape(file), asking('x'))).text).toBe('hello')
  })

  test('goes on after a crash that cut its last line', async () => {
    const file = await path()
    await askModel(recordingModel(scriptedModel('one'), tapeFile(file)), asking('a'))
    await writeFile(file, `${await readFile(file, 'utf8')}{"prompt":[{"ro`)
    expect((await askModel(await loadTape(file), asking('a'))).text).toBe('one')
    await askModel(recordingModel(scriptedModel('two'), tapeFile(file, { append: true })), asking('b'))
    const model = await loadTape(file)
    expect([(await askModel(model, asking('a'))).text, (await askModel(model, asking('b'))).text]).toEqual(['one', 'two'])
    await askModel(recordingModel(scriptedModel('new'), tapeFile(file)), asking('b'))
    expect(await failureOf(askModel(await loadTape(file), asking('a')))).toMatchObject({ code: 'model/no-turn' })
  })

  test.each([
    ['', 'line 1: is no tape'],
    ['{"troupeTape":2}\n', 'version 2'],
    ['{"troupeTape":1}\n{"prompt":1}\n', 'line 2: is no record'],
    ['{"troupeTape":1}\n{\n{}\n', 'line 2: is no record'],
  ])('with a fault is refused: %j', async (text, message) => {
    const file = await path()
    await writeFile(file, text)
    expect(await failureOf(loadTape(file))).toMatchObject({ code: 'config/invalid', message: expect.stringContaining(message) })
  })

  test('that cannot be written is a fault of the configuration', () => {
    expect(() => tapeFile('/nowhere/a.tape')).toThrow(/cannot be written/)
  })
})
