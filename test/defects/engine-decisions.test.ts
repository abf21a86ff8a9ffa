/** Faults of our own, found by review: of two people who decide at the same time, the second is told so, whatever happened in between. */
import { describe, expect, it } from 'vitest'
import type { AgentRef } from '../../src/engine/context.ts'
import { changed, errorOf, opened, PLACES, soon, until } from './runtimes.ts'

const asks: AgentRef = {
  name: 'asks',
  version: '1',
  activate: async (_, ctx) => ({
    status: 'done',
    output: await ctx.wait('1.1.approval', { approval: { reason: 'approval', question: 'May I dig?', tool: 'dig' } }),
  }),
}

describe.each(PLACES)('two who decide at the same time, on %s', (_, place) => {
  it.each([
    ['named', '1.1'],
    ['the only one', undefined],
  ])('the second (%s) hears that it was decided, though the run has ended since it was looked at', async (__, callId) => {
    const looked = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    let decisions = 0
    const engine = changed(place().adapter(), (store) => ({
      append: async (run, entries, epoch) => {
        if (entries.some(({ type }) => type === 'approval-given') && ++decisions === 1) {
          looked.resolve()
          await goOn.promise
        }
        return store.append(run, entries, epoch)
      },
    }))
    const runtime = await opened(engine)
    const run = runtime.run(asks, 'Go.')
    await run.untilWaiting()
    const slow = errorOf(runtime.reject(run.id, callId, { by: 'ann' }))
    await looked.promise
    await runtime.approve(run.id, '1.1', { by: 'bob' })
    expect(await soon(run)).toMatchObject({ status: 'done', output: { decision: 'approve' } })
    goOn.resolve()
    expect((await slow).code).toBe('run/already-decided')
  })

  it('one who comes too late for a run that was cancelled hears that it has ended', async () => {
    const looked = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const engine = changed(place().adapter(), (store) => ({
      append: async (run, entries, epoch) => {
        if (entries.some(({ type }) => type === 'approval-given')) {
          looked.resolve()
          await goOn.promise
        }
        return store.append(run, entries, epoch)
      },
    }))
    const runtime = await opened(engine)
    const run = runtime.run(asks, 'Go.')
    await run.untilWaiting()
    const slow = errorOf(runtime.approve(run.id))
    await looked.promise
    await runtime.cancel(run.id)
    await until(async () => (await runtime.get(run.id)).status === 'cancelled')
    goOn.resolve()
    expect((await slow).code).toBe('run/ended')
  })
})
