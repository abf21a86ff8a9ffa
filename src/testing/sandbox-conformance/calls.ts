import { drive } from './drive.ts'
import type { Harness } from './harness.ts'

/** Calls, their answers, and how a step ends around them. */
export function callConformance(harness: Harness): void {
  const { describe, it, expect, session, code } = harness
  describe('calls', () => {
    it('answers calls one after the other, with an idle after each turn', () =>
      session(async (s) => {
        const { value, calls, shape } = await drive(s, code.sequential)
        expect(value).toEqual([1, 2, 3])
        expect(calls).toEqual([1, 2, 3].map((n) => ({ tool: 'echo', args: { n } })))
        expect(shape).toEqual(['call', 'idle', 'call', 'idle', 'call', 'idle', 'end'])
      }))

    it('numbers calls from 1 in every step', () =>
      session(async (s) => {
        for (const step of [1, 2]) {
          const { frames } = await drive(s, code.sequential, { step })
          expect(frames.flatMap((frame) => (frame.type === 'call' ? [frame.call] : []))).toEqual([1, 2, 3])
        }
      }))

    it('accepts named and positional arguments, and never guesses', () =>
      session(async (s) => {
        const tools = { add: (args: unknown) => args, echo: (args: unknown) => args }
        expect((await drive(s, code.named, { tools })).value).toEqual({ left: 1, right: 2 })
        const { calls } = await drive(s, code.positional, { tools, step: 2 })
        expect(calls.map(({ args }) => args)).toEqual([
          { left: 1, right: 2 },
          { left: [1], right: { a: 1 } },
          { value: 'x' },
          { value: new Map([[1, 2]]) },
        ])
        const { error, calls: none } = await drive(s, code.tooManyPositional, { tools, step: 3 })
        expect(error?.message).toContain('add(input: { left: number; right: number })')
        expect(none).toEqual([])
      }))

    it('brings rich values across and back as they were', () =>
      session(async (s) => {
        const { value, calls } = await drive(s, code.rich)
        expect({ value }).toEqual(calls[0]?.args)
        expect(value).toEqual(harness.language === 'typescript' ? RICH : RICH_PYTHON)
      }))

    if (!harness.parallelCalls) return

    it('starts calls together and answers them in any order', () =>
      session(async (s) => {
        const { value, shape } = await drive(s, code.parallel(4), { next: (open) => open.at(-1) ?? never() })
        expect(value).toEqual([0, 1, 2, 3])
        expect(shape).toEqual(['call', 'call', 'call', 'call', 'idle', 'idle', 'idle', 'idle', 'end'])
      }))

    it('takes answers that come together as one turn each', () =>
      session(async (s) => {
        const { value, shape } = await drive(s, code.parallel(3), { next: 'all' })
        expect(value).toEqual([0, 1, 2])
        expect(shape).toEqual(['call', 'call', 'call', 'idle', 'idle', 'idle', 'end'])
      }))

    it('lets the order of the answers alone decide', () =>
      session(async (s) => {
        expect((await drive(s, code.settleOrder)).value).toEqual(['first', 'second'])
        expect((await drive(s, code.settleOrder, { step: 2, next: (open) => open.at(-1) ?? never() })).value).toEqual(['second', 'first'])
      }))

    it('holds back calls beyond the limit of calls in flight, and loses none', () =>
      session(
        async (s) => {
          let [open, most] = [0, 0]
          const { value, shape } = await drive(s, code.parallel(5), {
            onFrame: ({ type }) => {
              if (type === 'call') most = Math.max(most, ++open)
            },
            tools: { echo: (args) => (open--, args) },
          })
          expect(value).toEqual([0, 1, 2, 3, 4])
          expect(most).toBe(2)
          expect(shape.slice(0, 3)).toEqual(['call', 'call', 'idle'])
        },
        { maxInFlight: 2 },
      ))

    it('says `returned` once, and ends only when no call is open', () =>
      session(async (s) => {
        const { value, shape, prints } = await drive(s, code.strayCall)
        expect(value).toBe('main')
        expect(prints).toEqual(['late'])
        expect(shape).toEqual(['call', 'returned', 'idle', 'print', 'end'])
      }))

    it('ends a wait that nothing can end', () =>
      session(async (s) => {
        const { error, end } = await drive(s, code.deadlock ?? never())
        expect(error?.message).toContain('never settle')
        expect(end.poisoned).toBe(false)
      }))
  })

  describe('the final answer', () => {
    it('ends the run from a nested function, and nothing after it runs', () =>
      session(async (s) => {
        const { end, value, prints } = await drive(s, code.finalNested)
        expect(end.execution.type).toBe('final-answer')
        expect(value).toEqual({ done: true })
        expect(prints).toEqual([])
      }))

    it('cannot be caught', () =>
      session(async (s) => {
        const { end, value, prints } = await drive(s, code.finalInTry)
        expect(end.execution.type).toBe('final-answer')
        expect(value).toBe(1)
        expect(prints).toEqual([])
        expect((await drive(s, code.sequential, { step: 2 })).value).toEqual([1, 2, 3])
      }))

    it('stands, whatever is caught and done after it', () =>
      session(async (s) => {
        const { end, value, prints, calls } = await drive(s, code.finalSwallowed)
        expect(end.execution.type).toBe('final-answer')
        expect([value, prints, calls]).toEqual([1, [], []])
      }))

    it('waits for open calls to be answered, which then change nothing', () =>
      session(async (s) => {
        const { value, shape, prints } = await drive(s, code.finalWithOpenCalls)
        expect(value).toBe('done')
        expect(prints).toEqual([])
        expect(shape).toEqual(harness.parallelCalls ? ['call', 'call', 'returned', 'idle', 'idle', 'end'] : ['end'])
      }))
  })

  describe('names that cannot be overwritten', () => {
    for (const name of harness.language === 'typescript' ? ['echo', 'finalAnswer', 'console', 'tools'] : ['echo', 'final_answer']) {
      it(name, () =>
        session(async (s) => {
          let step = 0
          for (const attempt of code.overwrite(name)) {
            const { error } = await drive(s, attempt, { step: ++step })
            expect(error, attempt).toMatchObject({ kind: 'denied' })
            expect(error?.message, attempt).toContain(`Cannot overwrite '${name}'`)
          }
          expect((await drive(s, code.sequential, { step: ++step })).value).toEqual([1, 2, 3])
        }),
      )
    }
  })
}

const RICH = {
  map: new Map([['a', new Set([1n])]]),
  when: new Date(5),
  never: new Date(NaN),
  none: undefined,
  nan: NaN,
  minus: -0,
  far: -Infinity,
  bytes: new Uint8Array([1, 255]),
  wide: new Float64Array([0.5]),
  imitation: { $type: 'Map', value: [] },
}

const RICH_PYTHON = {
  tuple: [1, 2],
  set: new Set([1_152_921_504_606_846_976n]),
  keys: new Map([[1, new Uint8Array([1, 255])]]),
  nan: NaN,
  far: -Infinity,
  imitation: { $type: 'Map', value: [] },
}

function never(): never {
  // plain error: a fault of the suite itself
  throw new Error('the code made no call, or the language has no such code')
}
