import { drive } from './drive.ts'
import type { Harness } from './harness.ts'

/** What a session keeps, what it shows of an error, and what two sessions never share. */
export function stateConformance({ describe, it, expect, session, code, language }: Harness): void {
  describe('state', () => {
    it('keeps what the top level declares for later steps', () =>
      session(async (s) => {
        expect((await drive(s, code.declare)).error).toBe(null)
        const { value, prints } = await drive(s, code.useDeclared, { step: 2 })
        expect(value).toBe(42)
        expect(prints).toEqual(['1'])
      }))

    it('lets a later step declare the same names again', () =>
      session(async (s) => {
        await drive(s, code.declare)
        expect((await drive(s, code.redeclare, { step: 2 })).error).toBe(null)
        const { value } = await drive(s, code.useRedeclared, { step: 3 })
        expect(value).toEqual(language === 'typescript' ? [1, undefined, 9, 4] : [1, null, 9, 4])
      }))

    it('keeps its state after an error of the code', () =>
      session(async (s) => {
        await drive(s, code.declare)
        await drive(s, code.throwsOnLine3, { step: 2 })
        expect((await drive(s, code.useDeclared, { step: 3 })).value).toBe(42)
      }))

    it('gives the context as variables that the code may change', () =>
      session(async (s) => expect((await drive(s, code.context)).value).toEqual(['Paris', 3, 'Rome'])))

    it('never lets two sessions see each other', () =>
      session((one) =>
        session(async (two) => {
          await drive(one, code.isUnmarked)
          await drive(two, code.isUnmarked)
          await drive(one, code.mark, { step: 2 })
          expect((await drive(one, code.isUnmarked, { step: 3 })).value).toBe(false)
          expect((await drive(two, code.isUnmarked, { step: 2 })).value).toBe(true)
        }),
      ))

    it('does not know a session that was closed', async () => {
      const closed = await session(async (s) => s)
      let thrown: unknown
      try {
        await drive(closed, code.declare)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ code: 'sandbox/closed' })
    })
  })

  describe('errors', () => {
    it('says on which line of the model’s code it was thrown', () =>
      session(async (s) => expect((await drive(s, code.throwsOnLine3)).error).toMatchObject({ kind: 'error', line: 3 })))

    it('says the innermost line of the model’s code', () =>
      session(async (s) => {
        const { error } = await drive(s, code.throwsInFunction)
        expect(error).toMatchObject({ kind: 'error', line: 2, message: 'too far' })
      }))

    it('says where code does not parse, and runs nothing of it', () =>
      session(async (s) => {
        const { error, shape } = await drive(s, code.syntaxErrorOnLine2)
        expect(error).toMatchObject({ kind: 'syntax', line: 2 })
        expect(shape).toEqual(['end'])
      }))

    it('keeps line numbers where code is rewritten before it runs', () =>
      session(async (s) => expect((await drive(s, code.linesMoved)).error).toMatchObject({ kind: 'error', line: 6 })))

    it('hands the failure of a call to the code', () =>
      session(async (s) => {
        const { value } = await drive(s, code.catchesToolError, { tools: { echo: fail } })
        expect(String(value)).toContain('no such share')
      }))

    it('ends with the failure of a call that the code does not catch, at its line', () =>
      session(async (s) => {
        const { error } = await drive(s, code.failsByTool, { tools: { echo: fail } })
        expect(error).toMatchObject({ kind: 'error', line: 2 })
        expect(error?.message).toContain('no such share')
      }))

    it('survives recursion without end', () =>
      session(async (s) => {
        expect((await drive(s, code.infiniteRecursion)).error).toMatchObject({ kind: 'error' })
        expect((await drive(s, code.sequential, { step: 2 })).value).toEqual([1, 2, 3])
      }))
  })
}

function fail(): never {
  // plain error: stands for a fault of a user's own tool
  throw new RangeError('no such share')
}
