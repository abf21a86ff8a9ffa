import type { Limits } from '../../sandbox/limits.ts'
import { type Driven, type DriveOptions, drive } from './drive.ts'
import type { Harness } from './harness.ts'

/** Every limit holds at n and stops at n + 1, and the session lives on wherever the stop can be replayed. */
export function limitConformance({ describe, it, expect, session, code, sandbox, language }: Harness): void {
  const runWith = (limits: Partial<Limits>, source: string, options?: DriveOptions): Promise<Driven> =>
    session((s) => drive(s, source, options), limits)

  describe('limits', () => {
    it('calls in a step', async () => {
      expect((await runWith({ maxCalls: 3 }, code.callTimes(3))).value).toBe(3)
      const { error, calls, end } = await runWith({ maxCalls: 3 }, code.callTimes(4))
      expect(error).toMatchObject({ kind: 'call-limit' })
      expect(calls.length).toBe(3)
      expect(end.poisoned).toBe(false)
    })

    it('bytes printed in a step, each line with its end', async () => {
      expect((await runWith({ outputBytes: 20 }, code.printTimes(2, 'é23456789'.slice(0, 8)))).error).toBe(null)
      const { error, prints, end } = await runWith({ outputBytes: 19 }, code.printTimes(2, 'é23456789'.slice(0, 8)))
      expect(error).toMatchObject({ kind: 'output-limit' })
      expect(new TextEncoder().encode(prints.join('')).length).toBe(18)
      expect(end.poisoned).toBe(false)
    })

    it('cuts a print that is too long at the limit', async () => {
      const { prints, error } = await runWith({ outputBytes: 10 }, code.print('x'.repeat(1_000)))
      expect(prints).toEqual(['x'.repeat(10)])
      expect(error).toMatchObject({ kind: 'output-limit' })
    })

    it('counts prints and calls anew in each step', () =>
      session(
        async (s) => {
          for (const step of [1, 2, 3]) {
            expect((await drive(s, code.callTimes(3), { step })).error).toBe(null)
            expect((await drive(s, code.print('x'.repeat(19)), { step: step + 10 })).error).toBe(null)
          }
        },
        { maxCalls: 3, outputBytes: 20 },
      ))

    it('bytes of the arguments of a call', async () => {
      const size = JSON.stringify({ value: '' }).length
      expect((await runWith({ answerBytes: 1_000 }, code.sendString(1_000 - size))).value).toBe(1_000 - size)
      const { error, calls } = await runWith({ answerBytes: 1_000 }, code.sendString(1_001 - size))
      expect(error?.message).toContain('1000 bytes')
      expect(calls).toEqual([])
    })

    it('bytes of an answer', async () => {
      const answer = (length: number): DriveOptions => ({ tools: { echo: () => 'é'.repeat(length / 2 - 1) } })
      expect((await runWith({ answerBytes: 1_000 }, code.receiveString, answer(1_000))).value).toBe(499)
      const { error } = await runWith({ answerBytes: 999 }, code.receiveString, answer(1_000))
      expect(error?.message).toContain('999')
    })

    it('memory', async () => {
      expect((await runWith({ memoryMb: 32 }, code.allocate(10))).value).toBe(10)
      const { error } = await runWith({ memoryMb: 32 }, code.allocate(40))
      expect(error).toMatchObject({ kind: 'memory' })
    })

    if (!sandbox().capabilities.fuel) return

    it('fuel, to the tick, and the session lives on', async () => {
      const source = code.loop(300_000)
      const { end, value } = await runWith({}, source)
      expect(end.fuel > 5).toBe(true)
      expect((await runWith({ fuel: end.fuel }, source)).value).toBe(value)
      await session(
        async (s) => {
          const stopped = await drive(s, source)
          expect(stopped.error).toMatchObject({ kind: 'timeout' })
          expect(stopped.end.poisoned).toBe(false)
          expect(stopped.end.fuel).toBe(end.fuel)
          const after = await drive(s, code.sequential, { step: 2 })
          expect(after.value).toEqual([1, 2, 3])
        },
        { fuel: end.fuel - 1 },
      )
    })

    it('counts fuel over all turns of a step', async () => {
      const source =
        language === 'typescript'
          ? 'for (let k = 0; k < 5; k++) { for (let i = 0; i < 100_000; i++); await echo({}) }'
          : 'for k in range(5):\n    for i in range(100000):\n        pass\n    echo()'
      const { end } = await runWith({}, source)
      const stopped = await runWith({ fuel: Math.floor(end.fuel / 2) }, source)
      expect(stopped.error).toMatchObject({ kind: 'timeout' })
      expect(stopped.calls.length).toBe(2)
    })
  })
}
