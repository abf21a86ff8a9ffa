import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { AgentOptions } from '../index.ts'
import { codeAgent, openRuntime, tool, toolAgent, type Agent, type LanguageModel, type RunOptions, type Runtime } from '../index.ts'
import { memory } from '../engine/memory/memory.ts'
import { memoryTape, recordingModel, tapeModel, type TapeRecord } from '../models/tape/tape.ts'
import { quickjs } from '../sandbox/quickjs/quickjs.ts'
import { fakeClock } from './fake-clock.ts'
import { scriptedModel, type ScriptedReply } from './scripted-model.ts'
import { tapeOfRun } from './tape-of-run.ts'

const sandbox = quickjs()
afterAll(() => sandbox[Symbol.asyncDispose]())

const code = (text: string): string => `\`\`\`ts\n${text}\n\`\`\``
const double = tool({ name: 'double', description: 'Doubles.', effect: 'read', input: z.object({ n: z.number() }), run: ({ n }) => n * 2 })

interface Case {
  readonly make: (model: LanguageModel) => Agent
  readonly replies: readonly ScriptedReply[]
  readonly options?: RunOptions
  readonly status?: string
}

const coder = (more: Partial<AgentOptions<undefined>>) => (model: LanguageModel) =>
  codeAgent({ name: 'coder', description: 'Codes.', model, tools: [double], sandbox, ...more })
const talker = (more: Partial<AgentOptions<undefined>>) => (model: LanguageModel) =>
  toolAgent({ name: 'talker', description: 'Talks.', model, tools: [double], ...more })

const CASES: Readonly<Record<string, Case>> = {
  'code that calls': { make: coder({}), replies: [code('const a = await double({ n: 4 })'), code('finalAnswer(a)')] },
  plans: {
    make: coder({ planEvery: 1 }),
    replies: ['First this.', code('1'), 'Then that.', code('finalAnswer(2)'), code('finalAnswer(3)')],
  },
  'answers that are sent back': {
    make: coder({ checks: [(answer) => answer === 2 || 'no, 2'] }),
    replies: [code('finalAnswer(1)'), code('finalAnswer(2)')],
  },
  'a limit, and the last question after it': { make: coder({ maxSteps: 1 }), replies: [code('1'), 'The best I have.'], status: 'limit' },
  'a run with a limit of time that is over by now': {
    make: coder({}),
    replies: [code('let n = 0\nwhile (n < 400_000) n++ // long enough for a timer to fire'), code('finalAnswer(n)')],
    options: { budget: { timeMs: 5_000 } },
  },
  'prompts that a hook has changed': {
    make: coder({ hooks: { beforeModel: ({ prompt }) => [...prompt, { role: 'user', content: [{ type: 'text', text: 'Be brief.' }] }] } }),
    replies: [code('1'), code('finalAnswer(1)')],
  },
  'native calls and reasoning': {
    make: talker({}),
    replies: [{ content: 'Let me see.', reasoning: 'hm', toolCalls: [{ id: 'c1', name: 'double', arguments: { n: 2 } }] }, 'It is 4.'],
  },
}

/** Runs an agent whose model is recorded; the tape of its log must be the same. */
async function taped(runtime: Runtime, { make, replies, options, status = 'done' }: Case, task: string = 'go') {
  const live = memoryTape()
  const result = await runtime.run(make(recordingModel(scriptedModel(replies), live)), task, options)
  expect(result.status).toBe(status)
  const silent = scriptedModel([])
  const tape = await tapeOfRun(runtime, result.runId, [make(silent)])
  expect(silent.calls).toEqual([])
  return { result, live: live.records, tape }
}

/** What a replay depends on; how tokens were told apart, a log does not know. */
const essence = ({ by, prompt, answer: { content, finishReason, usage, modelId } }: TapeRecord) => ({
  by,
  prompt,
  content,
  finishReason,
  modelId,
  tokens: [usage.inputTokens.total, usage.outputTokens.total],
})

describe('the tape of a run', () => {
  it.each(Object.entries(CASES))('has %s as it was recorded live, and replays it', async (_, one) => {
    await using runtime = await openRuntime({ engine: memory(), clock: fakeClock(Date.UTC(2020, 0, 1)) })
    const { result, live, tape } = await taped(runtime, one)
    expect(tape.length).toBeGreaterThan(0)
    expect(tape.map(essence)).toEqual(live.map(essence))
    const again = await runtime.run(one.make(tapeModel(tape)), 'go', one.options)
    expect({ ...again, runId: '', usage: 0 }).toEqual({ ...result, runId: '', usage: 0 })
  })

  it('knows the runs of its session', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const session: RunOptions = { session: 's' }
    await taped(
      runtime,
      { make: coder({}), replies: [code('const a = await double({ n: 4 })\nfinalAnswer(a)')], options: session },
      'first',
    )
    const { live, tape } = await taped(runtime, { make: coder({}), replies: ['', code('finalAnswer(a + 1)')], options: session }, 'second')
    expect(tape.map(essence)).toEqual(live.map(essence))
    expect(JSON.stringify(tape[0]?.prompt)).toMatch(/first.*double.*second/)
  })

  it('of a run that was cancelled in the middle of a call ends there, and calls nothing', async () => {
    let calls = 0
    const begun = Promise.withResolvers<void>()
    const slow = tool({
      name: 'slow',
      description: 'Slow.',
      effect: 'read',
      input: z.object({}),
      run: (_, { signal }) => {
        calls++
        begun.resolve()
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        })
      },
    })
    await using runtime = await openRuntime({ engine: memory() })
    const make = coder({ tools: [slow] })
    const run = runtime.run(make(scriptedModel([code('1'), code('await slow({})')])), 'go')
    await begun.promise
    await run.cancel()
    const tape = await tapeOfRun(runtime, run.id, [make(scriptedModel([]))])
    expect(tape.map(({ by }) => by?.step)).toEqual(['1.model', '2.model'])
    expect(calls).toBe(1)
  })

  it('is refused for an unknown run or agent, and for code that does other things than the log says', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const { result } = await taped(runtime, {
      make: coder({}),
      replies: [code('const a = await double({ n: 4 })'), code('finalAnswer(a)')],
    })
    const model = scriptedModel([])
    await expect(tapeOfRun(runtime, 'rNone', [])).rejects.toMatchObject({ code: 'run/not-found' })
    await expect(tapeOfRun(runtime, result.runId, [talker({})(model)])).rejects.toMatchObject({ code: 'config/unknown-agent' })
    await expect(tapeOfRun(runtime, result.runId, [coder({ tools: [] })(model)])).rejects.toMatchObject({ code: 'run/incompatible' })
    await expect(tapeOfRun(runtime, result.runId, [coder({ planEvery: 1 })(model)])).rejects.toMatchObject({ code: 'run/incompatible' })
  })
})
