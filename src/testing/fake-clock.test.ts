import { describe, expect, it } from 'vitest'
import { memory } from '../engine/memory/memory.ts'
import { openRuntime } from '../engine/runtime.ts'
import { agentOf } from './engine-conformance/harness.ts'
import { assertEvents, collectEvents } from './event-assertions.ts'
import { fakeClock } from './fake-clock.ts'

describe('a fake clock', () => {
  it('stands still until it is moved, and fires in order of time, each at its own', async () => {
    const clock = fakeClock(1_000)
    const fired: string[] = []
    const note = (name: string) => () => void fired.push(`${name} at ${clock.now()}`)
    clock.after(30, note('late'))
    clock.after(10, () => {
      note('early')()
      queueMicrotask(() => clock.after(5, note('set meanwhile')))
    })
    clock.after(10, note('taken back'))()
    clock.after(-5, note('past'))
    expect(fired).toEqual([])
    await clock.advance(29)
    expect(fired).toEqual(['past at 1000', 'early at 1010', 'set meanwhile at 1015'])
    expect(clock.now()).toBe(1_029)
    await clock.advance(1)
    expect(fired.at(-1)).toBe('late at 1030')
  })

  const day = 86_400_000
  const sleeper = agentOf(async (ctx) => {
    const begun = await ctx.step('begun', async () => clock.now())
    return [await ctx.wait('until', { topic: 'mail', until: begun + 3 * day }), (await ctx.step('woke', async () => clock.now())) - begun]
  })
  let clock = fakeClock()

  it.each([0, 60_000])('ends a wait of three days at once, parked after %s ms', async (parkAfterMs) => {
    clock = fakeClock()
    await using runtime = await openRuntime({ engine: memory(), clock, parkAfterMs })
    const run = runtime.run(sleeper, 'sleep')
    const events = collectEvents(run)
    if (parkAfterMs === 0) expect(await run.untilWaiting()).toMatchObject({ status: 'waiting', waits: [{ reason: 'signal' }] })
    await clock.advance(3 * day - 1)
    expect((await runtime.get(run.id)).status).not.toBe('done')
    await clock.advance(1)
    expect(await run).toMatchObject({ status: 'done', output: [null, 3 * day] })
    assertEvents(await events, [{ type: 'run-start' }, { type: 'run-end', status: 'done' }])
    expect((await runtime.entries(run.id)).at(-1)?.at).toBe('2026-01-04T00:00:00.000Z')
  })

  it('lets an answer that comes in time win', async () => {
    clock = fakeClock()
    await using runtime = await openRuntime({ engine: memory(), clock, parkAfterMs: 0 })
    const run = runtime.run(sleeper, 'sleep')
    await clock.advance(day)
    await runtime.signal(run.id, 'mail', 'a letter')
    expect(await run).toMatchObject({ output: ['a letter', day] })
  })
})
