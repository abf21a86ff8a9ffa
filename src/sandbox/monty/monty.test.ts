import { afterAll, describe, expect, it } from 'vitest'
import { sandboxConformance } from '../../testing/sandbox-conformance.ts'
import { limitsOf } from '../limits.ts'
import { monty } from './monty.ts'

sandboxConformance('monty', () => monty({ processes: 2 }), { describe, it, expect, afterAll })

describe('monty', () => {
  it('refuses another language, and a number of processes that is none', async () => {
    expect(() => monty({ processes: 0 })).toThrow(expect.objectContaining({ code: 'config/invalid' }))
    await expect(monty().open({ language: 'typescript', limits: limitsOf(), tools: [], context: {} })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
    })
  })

  it('says where its process should be when that is not there', async () => {
    await using sandbox = monty({ childUrl: new URL('./none.ts', import.meta.url) })
    await expect(sandbox.open({ language: 'python', limits: limitsOf(), tools: [], context: {} })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('childUrl'),
    })
  })

  it('counts no waiting for tools against the time of a step', async () => {
    await using sandbox = monty({ processes: 1 })
    await using session = await sandbox.open({
      language: 'python',
      limits: limitsOf({ timeoutMs: 300 }),
      tools: [{ name: 'slow', parameters: [], signature: 'slow()' }],
      context: {},
    })
    const types: string[] = []
    for await (const frame of session.execute('for i in range(3):\n    slow()\n"done"', {
      step: 1,
      signal: new AbortController().signal,
      clock: 0,
      seed: 0,
    })) {
      types.push(frame.type === 'end' ? frame.execution.type : frame.type)
      if (frame.type !== 'call') continue
      await new Promise((resolve) => setTimeout(resolve, 200))
      session.reply(frame.call, { ok: true, value: 'null' })
    }
    expect(types).toEqual(['call', 'idle', 'call', 'idle', 'call', 'idle', 'value'])
  })

  it('ends a loop of short turns when they have taken the time of the step together', async () => {
    await using sandbox = monty({ processes: 1 })
    await using session = await sandbox.open({
      language: 'python',
      limits: limitsOf({ timeoutMs: 300 }),
      tools: [{ name: 'quick', parameters: [], signature: 'quick()' }],
      context: {},
    })
    const started = performance.now()
    for await (const frame of session.execute('while True:\n    for i in range(50000):\n        pass\n    quick()', {
      step: 1,
      signal: new AbortController().signal,
      clock: 0,
      seed: 0,
    })) {
      if (frame.type === 'call') session.reply(frame.call, { ok: true, value: 'null' })
      if (frame.type === 'end') expect(frame).toMatchObject({ execution: { type: 'error', error: { kind: 'timeout' } }, poisoned: true })
    }
    expect(performance.now() - started).toBeLessThan(1_500)
  })
})

describe('the final answer in monty', () => {
  for (const after of [
    'while True:\n    pass',
    'while True:\n    try:\n        echo(value=1)\n    except:\n        pass',
    'x = [0] * 10**9',
  ]) {
    it(`wins over what swallows it and goes on with ${JSON.stringify(after)}`, async () => {
      await using sandbox = monty({ processes: 1 })
      await using session = await sandbox.open({
        language: 'python',
        limits: limitsOf({ timeoutMs: 500, memoryMb: 64 }),
        tools: [{ name: 'echo', parameters: ['value'], signature: 'echo(value)' }],
        context: {},
      })
      const code = `try:\n    final_answer(7)\nexcept:\n    pass\n${after}`
      const frames = []
      for await (const frame of session.execute(code, { step: 1, signal: AbortSignal.timeout(20_000), clock: 0, seed: 1 }))
        frames.push(frame)
      expect(frames).toEqual([expect.objectContaining({ type: 'end', execution: { type: 'final-answer', value: '7' } })])
    })
  }
})
