import { expect, it } from 'vitest'
import { agentOf, pause } from '../testing/engine-conformance/harness.ts'
import type { EngineAdapter, LogStore } from './engine.ts'
import { memory } from './memory/memory.ts'
import { openRuntime } from './runtime.ts'

/** An engine that calls back when the first `run-waiting` is in the log, before whoever wrote it knows. */
function pausingEngine(whenParking: () => Promise<void>): EngineAdapter {
  const engine = memory()
  let hasParked = false
  const append: LogStore['append'] = async (run, entries, epoch) => {
    const written = await engine.store.append(run, entries, epoch)
    if (!hasParked && entries[0]?.type === 'run-waiting') {
      hasParked = true
      await whenParking()
    }
    return written
  }
  const store = new Proxy(engine.store, {
    get: (target, name) => {
      if (name === 'append') return append
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { ...engine, open: () => Promise.resolve(store) }
}

it('an answer that comes while a run is being parked keeps it going: the work that it set off is not cut off', async () => {
  let id = ''
  const engine = pausingEngine(async () => {
    await runtime.signal(id, 'mail', 'in time')
    await pause(10)
  })
  await using runtime = await openRuntime({ engine, parkAfterMs: 0 })
  const agent = agentOf(async (ctx) => {
    const mail = await ctx.wait('w', { topic: 'mail' })
    return ctx.step('slow', async () => pause(40).then(() => mail))
  })
  const run = runtime.run(agent, 'go')
  id = run.id
  expect(await Promise.race([run, pause(2_000)])).toMatchObject({ status: 'done', output: 'in time' })
})
