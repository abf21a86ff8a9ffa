import type { Entry } from '../../client/entry.ts'
import { openRuntime } from '../../engine/runtime.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { dropped } from '../../util/never.ts'
import { agentOf, codeOf, Counter, Gate, namesOf, pause, type Harness } from './harness.ts'

/** Runs that are ended from outside, and runs that two processes want to drive. */
export function cancelConformance({ openAdapter, describe, it, expect }: Harness): void {
  const ends = (entries: readonly Entry[]) =>
    entries.filter(({ type }) => type === 'run-end').map(({ run, body }) => [run, 'status' in body && body.status])

  describe('cancelling', () => {
    it('ends a running tree, children first, and tells their effects why', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const gate = new Gate()
      const reasons: unknown[] = []
      const child = agentOf(async (ctx) => {
        await ctx.step('long', async ({ signal }) => {
          signal.addEventListener('abort', () => reasons.push(TroupeError.is(signal.reason, 'run/cancelled') && signal.reason.message))
          await gate.pass()
        })
        return 'too late'
      }, 'child')
      const boss = agentOf(async (ctx) => (await ctx.child('a', child, { task: 'x' })).output ?? null, 'boss')
      const run = runtime.run(boss, 'go')
      await gate.reached
      await run.cancel('enough')
      gate.open()
      expect(await run).toMatchObject({ status: 'cancelled', error: { code: 'run/cancelled', message: 'enough' } })
      expect(reasons).toEqual(['enough'])
      expect(ends(await runtime.entries(run.id))).toEqual([
        [`${run.id}-a`, 'cancelled'],
        [run.id, 'cancelled'],
      ])
    })

    it('ends a parked run', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter(), parkAfterMs: 0 })
      const run = runtime.run(
        agentOf((ctx) => ctx.wait('w', { topic: 'mail' })),
        'go',
      )
      await run.untilWaiting()
      await runtime.cancel(run.id)
      expect(await run).toMatchObject({ status: 'cancelled' })
      expect(await runtime.get(run.id)).toMatchObject({ status: 'cancelled', waits: [] })
    })

    it('ends a run that nobody drives, for good', async () => {
      const engine = await openAdapter()
      const counter = new Counter()
      const child = agentOf((ctx) => ctx.wait('w', { topic: 'mail' }), 'child')
      const boss = agentOf(async (ctx) => {
        await ctx.step('a', counter.effect('a', 1))
        return (await ctx.child('c', child, { task: 'x' })).output ?? null
      }, 'boss')
      const first = await openRuntime({ engine, parkAfterMs: 0 })
      const { id } = first.run(boss, 'go')
      await first.resume(id).untilWaiting()
      await first[Symbol.asyncDispose]()

      await using second = await openRuntime({ engine, agents: [boss] })
      await second.cancel(id, 'not needed')
      expect(ends(await second.entries(id))).toEqual([
        [`${id}-c`, 'cancelled'],
        [id, 'cancelled'],
      ])
      expect(await second.resume(id)).toMatchObject({ status: 'cancelled', error: { message: 'not needed' } })
      expect(counter.runs).toEqual(['a'])
    })

    it('of a child alone is an outcome that its caller sees', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const child = agentOf(async (ctx) => ctx.step('long', async () => gate.pass()).then(() => 'too late'), 'child')
      const boss = agentOf(async (ctx) => (await ctx.child('a', child, { task: 'x' })).status, 'boss')
      await using runtime = await openRuntime({ engine })
      const run = runtime.run(boss, 'go')
      await gate.reached
      await using other = await openRuntime({ engine })
      await other.cancel(`${run.id}-a`)
      gate.open()
      expect(await run).toMatchObject({ status: 'done', output: 'cancelled' })
    })

    it('ends all effects: code that goes on has none any more', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const [gate, after] = [new Gate(), new Gate()]
      const counter = new Counter()
      const agent = agentOf(async (ctx) => {
        await gate.pass()
        after.open()
        return ctx.step('late', counter.effect('late', 1))
      })
      const run = runtime.run(agent, 'go')
      await gate.reached
      await run.cancel()
      gate.open()
      await after.pass()
      await pause(5)
      expect(counter.runs).toEqual([])
    })

    it('leaves an ended run as it is, and says when there is none', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const run = runtime.run(
        agentOf(async () => 'done'),
        'go',
      )
      await run
      await run.cancel()
      await runtime.cancel(run.id)
      expect((await runtime.get(run.id)).status).toBe('done')
      expect(await codeOf(runtime.cancel('r9'))).toBe('run/not-found')
    })

    it('comes by the signal that the run was given, be it aborted before', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const late = new AbortController()
      const stuck = agentOf(async (ctx) => ctx.step('stuck', () => dropped<number>()))
      const runs = [runtime.run(stuck, 'go', { signal: AbortSignal.abort() }), runtime.run(stuck, 'go', { signal: late.signal })]
      late.abort()
      expect((await Promise.all(runs)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
    })
  })

  describe('ownership', () => {
    it('is with the last to claim: the one before can write nothing more, and says so', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const slow = agentOf(async (ctx) => {
        await ctx.step('a', async () => 'old')
        await ctx.step('b', async () => gate.pass())
        return 'old'
      })
      const quick = agentOf(async (ctx) => {
        await ctx.step('a', async () => 'new')
        await ctx.step('b', async () => null)
        return 'new'
      })
      const older = await openRuntime({ engine })
      const begun = older.run(slow, 'go')
      await gate.reached
      await using younger = await openRuntime({ engine, agents: [quick] })
      expect(await younger.resume(begun.id, { takeOver: true })).toMatchObject({ status: 'done', output: 'new' })
      const finished = await younger.entries(begun.id)

      gate.open()
      expect(await codeOf(begun)).toBe('engine/lost-ownership')
      expect(await younger.entries(begun.id)).toEqual(finished)
      expect(namesOf(finished)).toEqual(['run-start start', 'effect a', 'effect b', 'run-end end'])
      expect(finished.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 2])
      await older[Symbol.asyncDispose]()
    })

    it('lost while the other one still works leaves the log to that one', async () => {
      const engine = await openAdapter()
      const [mine, theirs] = [new Gate(), new Gate()]
      const agentWith = (gate: Gate, name: string) =>
        agentOf(async (ctx) => {
          await ctx.step('a', async () => gate.pass())
          return name
        })
      const older = await openRuntime({ engine })
      const begun = older.run(agentWith(mine, 'old'), 'go')
      await mine.reached
      await using younger = await openRuntime({ engine, agents: [agentWith(theirs, 'new')] })
      const resumed = younger.resume(begun.id, { takeOver: true })
      await theirs.reached
      mine.open()
      expect(await codeOf(begun)).toBe('engine/lost-ownership')
      theirs.open()
      expect(await resumed).toMatchObject({ output: 'new' })
      await older[Symbol.asyncDispose]()
    })

    it('stays with a process that closes: what it held can be resumed', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const agent = agentOf(async (ctx) => ctx.step('a', async () => gate.pass()).then(() => 'ok'))
      const first = await openRuntime({ engine })
      const run = first.run(agent, 'go')
      await gate.reached
      await first[Symbol.asyncDispose]()
      expect(await codeOf(run)).toBe('engine/closed')
      gate.open()
      await using second = await openRuntime({ engine, agents: [agent] })
      expect(await codeOf(second.resume('r9'))).toBe('run/not-found')
      expect(await second.resume(run.id)).toMatchObject({ output: 'ok' })
      await using third = await openRuntime({ engine })
      expect(await codeOf(third.resume(run.id).then(({ status }) => status))).toBe('resolved with "done"')
    })
  })
}
