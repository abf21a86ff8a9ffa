import { openRuntime } from '../../engine/runtime.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { NO_USAGE } from '../../client/usage.ts'
import { agentOf, Counter, Gate, namesOf, newEntry, pause, startOf, type Harness } from './harness.ts'

/** Managed agents: runs of their own in their caller's activation. */
export function childConformance({ openAdapter, describe, it, expect }: Harness): void {
  describe('children', () => {
    it('gives a child a log of its own below its parent', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const child = agentOf(async (ctx, { task }) => ctx.step('c', async () => `${task}!`), 'child')
      const boss = agentOf(async (ctx) => (await ctx.child('1.hire', child, { task: 'dig' })).output ?? null, 'boss')
      const result = await runtime.run(boss, 'go')
      expect(result).toMatchObject({ status: 'done', output: 'dig!' })
      const id = result.runId
      const entries = await runtime.entries(id)
      expect(entries.map(({ run, type }) => [run.slice(id.length), type])).toEqual([
        ['', 'run-start'],
        ['', 'agent-start'],
        ['-1.hire', 'run-start'],
        ['-1.hire', 'effect'],
        ['-1.hire', 'run-end'],
        ['', 'agent-end'],
        ['', 'run-end'],
      ])
      expect(entries[2]?.body).toMatchObject({ rootRunId: id, parentRunId: id, parentKey: '1.hire', agent: 'child' })
      expect((await runtime.list()).map(({ runId }) => runId)).toEqual([id])
    })

    it('tells how a child failed without throwing', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const child = agentOf(async () => {
        throw new TroupeError('agent/failed', 'no shovel')
      }, 'child')
      const boss = agentOf(async (ctx) => {
        const { status, error } = await ctx.child('a', child, { task: 'dig' })
        return [status, error?.message ?? null]
      }, 'boss')
      expect(await runtime.run(boss, 'go')).toMatchObject({ status: 'done', output: ['failed', 'no shovel'] })
    })

    it('takes the outcome of an ended child from its log', async () => {
      const engine = await openAdapter()
      const store = await engine.open()
      await store.create('r1', startOf('r1', 'boss'))
      await store.append('r1', [newEntry('agent-start', 'a', { agent: 'child', childRunId: 'r1-a' })], await store.claim('r1'))
      await store.create('r1-a', startOf('r1-a', 'child', 'r1'))
      await store.append(
        'r1-a',
        [newEntry('run-end', 'end', { status: 'done', output: 'dug', usage: NO_USAGE, steps: 3 })],
        await store.claim('r1-a'),
      )
      await store[Symbol.asyncDispose]()
      let runs = 0
      const child = agentOf(async () => ++runs, 'child')
      const boss = agentOf(async (ctx) => (await ctx.child('a', child, { task: 'dig' })).output ?? null, 'boss')
      await using runtime = await openRuntime({ engine, agents: [boss] })
      expect(await runtime.resume('r1')).toMatchObject({ status: 'done', output: 'dug' })
      expect(runs).toBe(0)
    })

    it('goes on in the middle of children, two levels down, in parallel', async () => {
      const engine = await openAdapter()
      const counter = new Counter()
      const gates = new Map(['x', 'y'].map((name) => [name, new Gate()]))
      const worker = agentOf(async (ctx, { task }) => {
        await ctx.step('before', counter.effect(`${task} before`, 1))
        await ctx.during(async () => gates.get(task)?.pass())
        return ctx.step('after', counter.effect(`${task} after`, task))
      }, 'worker')
      const lead = agentOf(async (ctx, { task }) => (await ctx.child('w', worker, { task })).output ?? null, 'lead')
      const boss = agentOf(async (ctx) => {
        const done = await Promise.all(['x', 'y'].map((task) => ctx.child(task, lead, { task })))
        return done.map(({ output }) => output ?? null)
      }, 'boss')
      const first = await openRuntime({ engine })
      const { id } = first.run(boss, 'go')
      await Promise.all([...gates.values()].map(({ reached }) => reached))
      await first[Symbol.asyncDispose]()
      for (const gate of gates.values()) gate.open() // What the first runtime left running must do nothing any more.

      await using second = await openRuntime({ engine, agents: [boss] })
      expect(await second.resume(id)).toMatchObject({ status: 'done', output: ['x', 'y'] })
      expect(counter.runs.toSorted()).toEqual(['x after', 'x before', 'y after', 'y before'])
      const names = (await second.entries(id)).map(({ run, type, key }) => `${run} ${type} ${key}`)
      expect(new Set(names).size).toBe(names.length)
    })

    it('ends with its parent when that did not wait for it', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const gate = new Gate()
      const counter = new Counter()
      const child = agentOf(async (ctx) => {
        await ctx
          .step('long', async ({ signal }) => {
            const aborted = new Promise((_, reject) =>
              signal.addEventListener('abort', () => reject(new TroupeError('run/cancelled', 'stop'))),
            )
            await Promise.race([gate.pass(), aborted])
          })
          .catch(() => {})
        return ctx.step('next', counter.effect('next', 1))
      }, 'child')
      const boss = agentOf(async (ctx) => {
        ctx.child('a', child, { task: 'x' }).catch(() => {})
        await ctx.during(() => gate.reached)
        return 'gone'
      }, 'boss')
      const run = runtime.run(boss, 'go')
      expect(await run).toMatchObject({ status: 'done', output: 'gone' })
      await pause(20)
      const entries = await runtime.entries(run.id)
      expect(entries.filter(({ type }) => type === 'run-end').map(({ run, body }) => [run, 'status' in body && body.status])).toEqual([
        [`${run.id}-a`, 'cancelled'],
        [run.id, 'done'],
      ])
      expect(entries.at(-1)?.run).toBe(run.id)
      expect(counter.runs).toEqual([])
    })

    it('is not disturbed by what a child left running when it ended', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const child = agentOf(async (ctx) => {
        const slow = ctx.step('slow', () => pause(30))
        await Promise.race([slow, ctx.step('fast', async () => 1)])
        return 'ended'
      }, 'child')
      const boss = agentOf(async (ctx) => {
        const { output } = await ctx.child('a', child, { task: 'race' })
        await ctx.step('later', () => pause(60))
        return output ?? null
      }, 'boss')
      const result = await runtime.run(boss, 'go')
      expect(result).toMatchObject({ status: 'done', output: 'ended' })
      expect(namesOf((await runtime.entries(result.runId)).filter(({ run }) => run !== result.runId)).at(-1)).toBe('run-end end')
    })
  })
}
