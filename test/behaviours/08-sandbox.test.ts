import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, type Limits } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code, eventsOf, lastMessage, ofType, waitMs } from './support.ts'

const description = 'Works things out.'
const tools = [
  tool({
    name: 'slow',
    description: 'Takes its time.',
    effect: 'read',
    input: z.object({ ms: z.number() }),
    run: async ({ ms }, { signal }) => waitMs(ms, signal).then(() => 'slept'),
  }),
]

/** Runs one program as a step, then ends. Gives what the model was shown of it. */
async function shownAfter(program: string, limits: Partial<Limits> = {}): Promise<string> {
  const model = scriptedModel([code(program), code('finalAnswer("on")')])
  const run = codeAgent({ name: 'coder', description, model, tools, limits }).run('Go.')
  await eventsOf(run)
  expect(await run).toMatchObject({ status: 'done', output: 'on' })
  return lastMessage(model)
}

describe('33: code without an end', () => {
  it('33: an endless loop is stopped by its fuel, the run goes on, and variables are kept', async () => {
    const model = scriptedModel([code('let n = 1\nwhile (true) n = 2'), code('finalAnswer(n)')])
    const run = codeAgent({ name: 'coder', description, model, limits: { fuel: 300 } }).run('Go.')
    expect(await run).toMatchObject({ status: 'done', output: 2 })
    expect(lastMessage(model)).toContain('too much computing time')
  })

  it.each([
    ['recursion', 'function f(): number { return 1 + f() }\nf()', /stack|recursion/i],
    ['a catch cannot swallow the stop', 'for (;;) { try { for (;;) {} } catch {} }', /computing time/],
    ['endless microtasks', 'async function f() { for (;;) await 0 }\nawait f()', /computing time/],
    ['a slow regular expression', '/^(a+)+$/.test("a".repeat(40) + "b")', /computing time/],
  ])('33: %s', async (_, program, told) => {
    expect(await shownAfter(program, { fuel: 300 })).toMatch(told)
  })

  it('33: memory has a cap, and so have output and the number of calls', async () => {
    expect(await shownAfter('const all = []\nfor (;;) all.push(new Uint8Array(1_000_000))', { memoryMb: 32 })).toMatch(/memory/i)
    expect(await shownAfter('for (;;) console.log("x".repeat(1_000))', { outputBytes: 10_000 })).toMatch(/output|printed/i)
    expect(await shownAfter('for (let i = 0; i < 9; i++) await slow({ ms: 0 })', { maxCalls: 5 })).toMatch(/calls/)
  })

  it('33: an endless generator is fine as long as it is not run to its end', async () => {
    expect(await shownAfter('function* all() { let n = 0; for (;;) yield n++ }\nconst [a, b, c] = all()\nconsole.log(a, b, c)')).toContain(
      '0 1 2',
    )
  })
})

describe('34: the final answer cannot be caught', () => {
  it.each([
    ['by catch', 'try { finalAnswer(34) } catch { finalAnswer("caught") }'],
    ['by finally', 'function f() { try { finalAnswer(34) } finally { console.log("finally") } }\nf()'],
    ['by a rejected promise', 'await Promise.allSettled([(async () => finalAnswer(34))()])\nfinalAnswer("went on")'],
    ['by name', 'finalAnswer({ value: 34 }.value)'],
  ])('34: %s', async (_, program) => {
    expect(await codeAgent({ name: 'coder', description, model: scriptedModel(code(program)) }).run('Go.')).toMatchObject({
      output: 34,
      steps: 1,
    })
  })
})

describe('35: names of tools', () => {
  it.each([
    ['assignment', 'slow = 1'],
    ['a declaration', 'const slow = 1'],
    ['a function', 'function slow() {}'],
    ['the final answer', 'finalAnswer = 1'],
    ['a property of the global object', 'globalThis.slow = () => 1'],
  ])('35: cannot be overwritten by %s; the tool is there afterwards', async (_, program) => {
    const model = scriptedModel([code(program), code('finalAnswer(await slow({ ms: 1 }))')])
    expect(await codeAgent({ name: 'coder', description, model, tools }).run('Go.')).toMatchObject({ status: 'done', output: 'slept' })
  })

  it('35: the error says which name it was', async () => {
    expect(await shownAfter('const slow = 1')).toMatch(/slow/)
    expect(await shownAfter('slow = 1')).toMatch(/slow/)
  })
})

describe('37: time', () => {
  it('37: a limit in milliseconds stops code that computes too long', async () => {
    const begun = performance.now()
    expect(await shownAfter('for (;;) {}', { timeoutMs: 300, fuel: 1e9 })).toContain('too much computing time')
    expect(performance.now() - begun).toBeLessThan(5_000)
  })

  // smolagents counts the time of tools too, and a slow sub-agent is lost with it; here waiting is not computing.
  it('37: waiting for tools does not count', async () => {
    expect(await shownAfter('console.log(await slow({ ms: 700 }))', { timeoutMs: 300 })).toContain('slept')
  })

  it('37: a tool has a time of its own, and its step goes on when that is over', async () => {
    const hung = tool({
      name: 'hung',
      description: 'Never ends.',
      effect: 'read',
      timeoutMs: 50,
      input: z.object({}),
      run: () => new Promise<never>(() => {}),
    })
    const model = scriptedModel(code('try { await hung({}) } catch (error) { finalAnswer(error.name) }'))
    const run = codeAgent({ name: 'coder', description, model, tools: [hung] }).run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ output: 'ToolTimeoutError', steps: 1 })
    expect(ofType(events, 'tool-end')[0]?.error?.message).toContain('within 50 ms')
  })
})
