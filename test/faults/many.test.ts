/** Very many runs at once, and runs that call runs, under a cap of one. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AgentRef } from '../../src/engine/context.ts'
import type { EngineAdapter } from '../../src/engine/engine.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { castOf } from './cast.ts'
import { farEnd } from './far-end.ts'
import { folder } from './player.ts'
import { pause, until } from './until.ts'
import { onlyWhenAllAsked } from '../services.ts'

const RUNS = 10_000
const TENANTS = 7

const STORES: readonly (readonly [name: string, open: () => EngineAdapter])[] = [
  ['memory', memory],
  ['SQLite', () => sqlite({ path: join(folder(), 'troupe.db') })],
]

describe.each(STORES)('on %s', (_, open) => {
  it('ten thousand queued runs each end once, and one more is refused meanwhile', { timeout: 300_000 }, async (context) => {
    onlyWhenAllAsked(context)
    const done = new Map<string, number>()
    const agent: AgentRef = {
      name: 'quick',
      version: '1',
      activate: async (input, ctx) => {
        const times = await ctx.step('do', async () => (done.get(input.task) ?? 0) + 1)
        done.set(input.task, times)
        return { status: 'done', output: input.task }
      },
    }
    await using runtime = await openRuntime({ engine: open(), agents: [agent], parkAfterMs: 0 })
    const names = Array.from({ length: RUNS }, (__, i) => `t${i}`)
    await Promise.all(names.map((name, i) => runtime.enqueue(agent, name, { runId: name, tenant: String(i % TENANTS) })))
    expect((await runtime.depth()).queued).toBe(RUNS)
    await expect(runtime.enqueue(agent, 'one more')).rejects.toMatchObject({ code: 'queue/full', retryable: true })

    await runtime.work({ concurrency: 64 })
    while (done.size < RUNS) await pause(50) // Asking the store all the time would take its time from the runs.
    await until(async () => Object.values(await runtime.depth()).every((count) => count === 0))
    expect(done.size).toBe(RUNS)
    expect([...done.values()].every((times) => times === 1)).toBe(true)
    const ends = new Map<string, number>()
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof runtime.feed>> = await runtime.feed(cursor, 5_000)
      for (const { run, type } of page.entries) if (type === 'run-end') ends.set(run, (ends.get(run) ?? 0) + 1)
      if (page.entries.length === 0) break
      cursor = page.cursor
    }
    expect([ends.size, Math.max(...ends.values())]).toEqual([RUNS, 1])
  })

  it(
    'three levels of agents that wait in the queue for each other end under a cap of one for their tenant',
    { timeout: 180_000 },
    async () => {
      await using outside = await farEnd()
      const { levels } = castOf(outside.url)
      if (!levels) throw new Error('no levels')
      await using runtime = await openRuntime({ engine: open(), agents: [levels], parkAfterMs: 0 })
      const runs = await Promise.all(['x', 'y'].map((task) => runtime.enqueue(levels, task, { tenant: 'a', runId: task })))
      await runtime.work({ concurrency: 4, limits: { tenant: { concurrency: 1 } } })
      for (const run of runs) {
        expect(await runtime.follow(run)).toMatchObject({
          status: 'done',
          output: [
            [10, 20],
            [30, 40],
          ],
        })
      }
      expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
      // Seven models and four reads each: nothing was done twice on the way.
      expect(Object.values(await outside.counts()).filter((times) => times > 2)).toEqual([])
      expect(Object.values(await outside.counts('model')).reduce((a, b) => a + b, 0)).toBe(14)
      expect((await outside.deeds()).length).toBe(14 + 8)
    },
  )
})
