import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool } from '../index.ts'
import type { RunEvent } from '../index.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Frame, Sandbox, SandboxSession } from '../sandbox/sandbox.ts'
import { quickjs } from '../sandbox/quickjs/quickjs.ts'
import { scriptedModel } from '../testing/scripted-model.ts'

const inner = quickjs()
const code = (text: string): string => '```ts\n' + text + '\n```'

/** A sandbox whose sessions die in the middle of a step, as often as it is told to: when `isTime` says so of a frame. */
function mortal(deaths: number, isTime: (frame: Frame, step: number) => boolean): Sandbox & { opened: number } {
  let left = deaths
  const sandbox: Sandbox & { opened: number } = {
    ...inner,
    opened: 0,
    open: async (options): Promise<SandboxSession> => {
      sandbox.opened++
      const session = await inner.open(options)
      return {
        ...session,
        reply: (call, answer) => session.reply(call, answer),
        resume: () => session.resume(),
        snapshot: () => session.snapshot(),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
        execute: async function* (text, execution) {
          for await (const frame of session.execute(text, execution)) {
            if (left > 0 && isTime(frame, execution.step)) {
              left--
              await session[Symbol.asyncDispose]()
              throw new TroupeError('sandbox/closed', 'the thread died')
            }
            yield frame
          }
        },
      }
    },
  }
  return sandbox
}

function setUp(sandbox: Sandbox, ...answers: readonly string[]) {
  const ran: string[] = []
  const read = tool({
    name: 'read',
    description: 'Reads.',
    effect: 'write',
    input: z.object({ n: z.number() }),
    run: async ({ n }) => {
      ran.push(`read ${n}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      return n * 10
    },
  })
  const model = scriptedModel(answers.map(code))
  return { ran, model, agent: codeAgent({ name: 'worker', description: 'Works.', model, tools: [read], sandbox }) }
}

async function eventsOf(run: AsyncIterable<RunEvent>): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

const steps = [
  'const a = await read({ n: 1 })\nconsole.log("one")',
  'const b = await read({ n: a })\nconsole.log("two")',
  'finalAnswer([a, b])',
] as const

describe('a session that dies without the code’s fault', () => {
  it.each([
    ['in a later step', (frame: Frame, step: number) => step === 2 && frame.type === 'print'],
    ['before any call', (frame: Frame, step: number) => step === 1 && frame.type === 'call'],
    ['at the end of a step', (frame: Frame, step: number) => step === 3 && frame.type === 'end'],
  ])('is built again from the log %s: no call is made twice, nothing is printed twice', async (_, isTime) => {
    const sandbox = mortal(1, isTime)
    const { ran, model, agent } = setUp(sandbox, ...steps)
    const run = agent.run('Go.')
    const events = await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: [10, 100] })
    expect(sandbox.opened).toBe(2)
    expect(ran).toEqual(['read 1', 'read 10'])
    expect(events.flatMap((event) => (event.type === 'print' ? [event.text] : []))).toEqual(['one', 'two'])
    expect(model.calls).toHaveLength(3)
  })

  it('is given up the third time: the model is told that its calls stand and its variables are lost', async () => {
    const sandbox = mortal(3, (frame, step) => step === 2 && frame.type === 'print')
    const { ran, model, agent } = setUp(sandbox, steps[0], steps[1], 'finalAnswer(typeof b)')
    const run = agent.run('Go.')
    await eventsOf(run)
    expect(await run).toMatchObject({ status: 'done', output: 'undefined' })
    expect(ran).toEqual(['read 1', 'read 10'])
    expect(model.prompts.at(-1)).toContain('the sandbox died 3 times while this code ran')
    expect(model.prompts.at(-1)).toContain('Its calls stand, its variables are lost.')
  })
})

describe('a step without an end', () => {
  const last = 'finalAnswer([typeof a, typeof late])'

  it('that fuel stops leaves its session and all its variables', async () => {
    const { ran, agent } = setUp(inner, steps[0], 'var late = 1\nfor (;;) {}', last)
    expect(await agent.run('Go.')).toMatchObject({ status: 'done', output: ['number', 'number'] })
    expect(ran).toEqual(['read 1'])
  })

  it('that is ended with its thread loses its own variables, and those of earlier steps are made again from the log', async () => {
    const { ran, agent } = setUp(inner, steps[0], 'var late = 1\n2n ** 3_000_000_000n', last)
    const result = await agent.run('Go.')
    expect(result).toMatchObject({ status: 'done' })
    expect('output' in result && Array.isArray(result.output) && result.output[0]).toBe('number')
    expect(ran).toEqual(['read 1'])
  }, 60_000)
})
