import { MAX_GAP_MS, MAX_STALL_MS, watchLoop } from './awake.ts'
import type { SandboxSession } from '../../sandbox/sandbox.ts'
import { type Driven, drive } from './drive.ts'
import type { Harness } from './harness.ts'

/** What replay rests on, and what the host keeps while a guest computes. */
export function worldConformance({ describe, it, expect, session, openSession, code, sandbox, language }: Harness): void {
  describe('replay', () => {
    it('gives the same frames for the same answers in the same order', async () => {
      const run = (): Promise<Driven[]> =>
        session(async (s) => {
          const steps: Driven[] = []
          for (const source of [
            code.declare,
            code.useDeclared,
            code.settleOrder,
            code.loop(200_000),
            code.finalWithOpenCalls,
            code.strayCall,
            code.throwsInFunction,
          ])
            steps.push(await drive(s, source, { step: steps.length + 1, next: (open) => open.at(-1) ?? (open[0] as never) }))
          return steps
        })
      const [one, two] = [await run(), await run()]
      expect(one.map(({ frames }) => frames)).toEqual(two.map(({ frames }) => frames))
    })

    if (language === 'typescript' && sandbox().capabilities.deterministic) {
      it('takes clock and chance from the host, and the time zone is UTC', () =>
        session(async (s) => {
          const at = { clock: 86_400_000, seed: 5 }
          const { value } = await drive(s, code.world, at)
          expect((value as unknown[]).slice(0, 3)).toEqual([86_400_000, '1970-01-02T00:00:00.000Z', 0])
          expect((await drive(s, code.world, { ...at, step: 2 })).value).toEqual(value)
          const other = (await drive(s, code.world, { ...at, seed: 6, step: 3 })).value as unknown[]
          expect(other[3]).not.toBe((value as unknown[])[3])
          expect(new Set([...(value as unknown[]), ...other].slice(3)).size > 3).toBe(true)
        }))
    }
  })

  describe('the host', () => {
    it('stays awake while a guest computes', () =>
      session(
        async (s) => {
          for (const [step, attack] of [code.declare, code.forever].entries()) {
            using watch = watchLoop()
            await drive(s, attack, { step: step + 1 })
            expect(watch.gapMs, `the longest gap of the event loop in ms, in step ${step + 1}`).toBeLessThan(MAX_GAP_MS)
            expect(watch.stallMs, `the longest stall of the event loop in ms, in step ${step + 1}`).toBeLessThan(MAX_STALL_MS)
          }
        },
        { fuel: 5_000, timeoutMs: 2_000 },
      ))

    it('stops a computing guest at once when the step is cancelled, and closes the session', async () => {
      const s = await openSession({ fuel: 1_000_000_000, timeoutMs: 60_000 })
      await drive(s, code.declare)
      const abort = new AbortController()
      const stream = collect(s, code.forever, abort.signal)
      await new Promise((resolve) => setTimeout(resolve, 50))
      const start = performance.now()
      // plain error: a caller's own reason
      abort.abort(new Error('enough'))
      expect(await stream).toMatchObject({ code: 'sandbox/closed' })
      expect(performance.now() - start).toBeLessThan(250)
      expect(await collect(s, code.declare, new AbortController().signal)).toMatchObject({ code: 'sandbox/closed' })
    })

    it('runs nothing for a signal that is aborted already', async () => {
      const s = await openSession()
      expect(await collect(s, code.declare, AbortSignal.abort())).toMatchObject({ code: 'sandbox/closed' })
    })

    it('wakes the one who waits for frames when the session is closed', async () => {
      const s = await openSession()
      const stream = collect(s, code.sequential, new AbortController().signal)
      await new Promise((resolve) => setTimeout(resolve, 50))
      await s[Symbol.asyncDispose]()
      expect(await stream).toMatchObject({ code: 'sandbox/closed' })
    })
  })
}

/** Pulls frames and answers nothing; gives what the stream throws. */
async function collect(session: SandboxSession, source: string, signal: AbortSignal): Promise<unknown> {
  try {
    for await (const frame of session.execute(source, { step: 9, signal, clock: 0, seed: 0 })) if (frame.type === 'end') return frame
    return 'ended'
  } catch (error) {
    return error
  }
}
