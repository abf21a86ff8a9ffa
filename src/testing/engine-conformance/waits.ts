import type { AgentRef, RunContext } from '../../engine/context.ts'
import type { EngineAdapter } from '../../engine/engine.ts'
import { openRuntime, type Runtime } from '../../engine/runtime.ts'
import { agentOf, codeOf, Counter, namesOf, pause, until, type Harness } from './harness.ts'

const ASK = { approval: { reason: 'approval', question: 'May I dig?', tool: 'dig' } } as const
const asks = agentOf((ctx) => ctx.wait('1.1.approval', ASK))

/** Approvals, signals and timers, while the run is in memory, while it is parked and while nobody drives it. */
export function waitConformance({ openAdapter, describe, it, expect }: Harness): void {
  const withRuntime =
    (parkAfterMs: number, body: (runtime: Runtime, engine: EngineAdapter) => Promise<void>) => async (): Promise<void> => {
      const engine = await openAdapter()
      await using runtime = await openRuntime({ engine, parkAfterMs })
      await body(runtime, engine)
    }
  /** Starts a run and gives its id when it asks for something. */
  const asked = async (runtime: Runtime, agent: AgentRef): Promise<string> => {
    const { id } = runtime.run(agent, 'go')
    await until(async () => (await runtime.entries(id)).some(({ type }) => type === 'approval-wanted' || type === 'wait-start'))
    return id
  }

  for (const [state, parkAfterMs] of [
    ['in memory', 60_000],
    ['parked', 0],
  ] as const) {
    describe(`waits of a run that is ${state}`, () => {
      it(
        'end with what the person decided',
        withRuntime(parkAfterMs, async (runtime) => {
          const yes = await asked(runtime, asks)
          if (parkAfterMs === 0) await runtime.resume(yes).untilWaiting()
          await runtime.approve(yes, '1.1', { by: 'ann', reason: 'fine', result: { depth: 2 } })
          expect(await runtime.resume(yes)).toMatchObject({
            status: 'done',
            output: { decision: 'approve', reason: 'fine', result: { depth: 2 } },
          })

          const no = await asked(runtime, asks)
          if (parkAfterMs === 0) await runtime.resume(no).untilWaiting()
          await runtime.reject(no)
          expect(await runtime.resume(no)).toMatchObject({ status: 'done', output: { decision: 'reject' } })
        }),
      )

      it(
        'take a signal, and only one of their topic',
        withRuntime(parkAfterMs, async (runtime) => {
          const id = await asked(
            runtime,
            agentOf((ctx) => ctx.wait('w', { topic: 'mail' })),
          )
          await runtime.signal(id, 'noise', 'no')
          await runtime.signal(id, 'mail', ['yes'])
          expect(await runtime.resume(id)).toMatchObject({ status: 'done', output: ['yes'] })
        }),
      )

      it(
        'end with null when their time comes first',
        withRuntime(parkAfterMs, async (runtime) => {
          const agent = agentOf(async (ctx) => {
            const from = await ctx.step('now', async () => Date.now())
            return [await ctx.wait('w', { topic: 'mail', until: from + 40 }), await ctx.wait('past', { until: 1 })]
          })
          const begun = Date.now()
          expect(await runtime.run(agent, 'go')).toMatchObject({ status: 'done', output: [null, null] })
          expect(Date.now() - begun >= 39).toBe(true)
        }),
      )

      it(
        'take what came before them, one signal each, oldest first',
        withRuntime(parkAfterMs, async (runtime) => {
          const agent = agentOf(async (ctx) => {
            await ctx.wait('ready', { topic: 'ready' })
            const both = await Promise.all([ctx.wait('a', { topic: 'mail' }), ctx.wait('b', { topic: 'mail' })])
            return [...both, await ctx.wait('c', { topic: 'mail' })]
          })
          const id = await asked(runtime, agent)
          for (const value of [1, 2, 3]) await runtime.signal(id, 'mail', value)
          await runtime.signal(id, 'ready', null)
          expect(await runtime.resume(id)).toMatchObject({ status: 'done', output: [1, 2, 3] })
        }),
      )

      it(
        'serve two waits on one topic in the order in which they began',
        withRuntime(parkAfterMs, async (runtime) => {
          const agent = agentOf((ctx) => Promise.all(['a', 'b'].map((key) => ctx.wait(key, { topic: 'mail' }))))
          const id = await asked(runtime, agent)
          if (parkAfterMs === 0) await runtime.resume(id).untilWaiting()
          await runtime.signal(id, 'mail', 'first')
          await runtime.signal(id, 'mail', 'second')
          expect(await runtime.resume(id)).toMatchObject({ status: 'done', output: ['first', 'second'] })
        }),
      )

      it(
        'of a child are told at the root and answered there',
        withRuntime(parkAfterMs, async (runtime) => {
          const child = agentOf((ctx) => ctx.wait('2.3.approval', ASK), 'child')
          const boss = agentOf(async (ctx) => (await ctx.child('1.1', child, { task: 'dig' })).output ?? null, 'boss')
          const id = await asked(runtime, boss)
          const callId = `${id}-1.1:2.3`
          expect((await runtime.get(id)).waits).toEqual([{ callId, reason: 'approval', question: 'May I dig?' }])
          await runtime.approve(id)
          expect(await runtime.resume(id)).toMatchObject({ status: 'done', output: { decision: 'approve' } })
        }),
      )
    })
  }

  describe('parking', () => {
    it('gives up what the activation held, and runs no effect again afterwards', async () => {
      const engine = await openAdapter()
      const counter = new Counter()
      const held: string[] = []
      const caught: unknown[] = []
      const agent = agentOf(async (ctx) => {
        await ctx.own(async () => ({ [Symbol.asyncDispose]: async () => void held.push('disposed') }))
        await ctx.step('a', counter.effect('a', 1))
        ctx.signal.addEventListener('abort', () => held.push('aborted'))
        try {
          return await ctx.wait('w', { topic: 'mail' })
        } catch (error) {
          caught.push(error)
          return 'caught'
        }
      })
      const first = await openRuntime({ engine, parkAfterMs: 0 })
      const run = first.run(agent, 'go')
      const waiting = await run.untilWaiting()
      expect(waiting).toMatchObject({
        status: 'waiting',
        runId: run.id,
        waits: [{ callId: `${run.id}:w`, reason: 'signal', question: '' }],
      })
      expect(held).toEqual(['aborted', 'disposed'])
      expect((await first.get(run.id)).status).toBe('waiting')
      await first[Symbol.asyncDispose]()

      await using second = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
      await second.signal(run.id, 'mail', 'hello')
      expect(await second.resume(run.id)).toMatchObject({ status: 'done', output: 'hello' })
      expect(caught).toEqual([])
      expect(counter.runs).toEqual(['a'])
      expect(namesOf(await second.entries(run.id)).filter((name) => name.startsWith('effect') || name.startsWith('wait'))).toEqual([
        'effect a',
        'wait-start w',
        'wait-end w',
      ])
    })

    it('says once for what it waits, however often it is woken in vain', async () => {
      const engine = await openAdapter()
      const agent = agentOf((ctx) => ctx.wait('w', { topic: 'mail' }))
      let id: string | undefined
      for (let restarts = 0; restarts < 3; restarts++) {
        await using runtime = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
        const run = id === undefined ? runtime.run(agent, 'go') : runtime.resume(id)
        id = run.id
        await run.untilWaiting()
        await runtime.signal(id, 'noise', restarts)
        await pause(20)
      }
      await using runtime = await openRuntime({ engine })
      expect(namesOf(await runtime.entries(id ?? '')).filter((name) => name.startsWith('run-waiting')).length).toBe(1)
    })

    it('waits for effects that still run', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter(), parkAfterMs: 0 })
      let ended = false
      const agent = agentOf(async (ctx) => {
        const work = ctx.step('work', async () => {
          await pause(40)
          ended = true
        })
        await Promise.all([work, ctx.wait('w', { topic: 'mail' })])
        return null
      })
      await runtime.run(agent, 'go').untilWaiting()
      expect(ended).toBe(true)
    })

    it('wakes for a timer in another runtime too', async () => {
      const engine = await openAdapter()
      const agent = agentOf(async (ctx) => {
        const from = await ctx.step('now', async () => Date.now())
        return ctx.wait('w', { until: from + 60 })
      })
      const first = await openRuntime({ engine, parkAfterMs: 0 })
      const run = first.run(agent, 'go')
      await run.untilWaiting()
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
      expect(await second.resume(run.id)).toMatchObject({ status: 'done', output: null })
    })

    it('hears in one process what another wrote to a shared store', async () => {
      const engine = await openAdapter()
      await using owner = await openRuntime({ engine, parkAfterMs: 0 })
      await using other = await openRuntime({ engine })
      const store = await engine.open()
      const { shared } = store
      if (shared) await store[Symbol.asyncDispose]()
      const parked = owner.run(asks, 'go')
      await parked.untilWaiting()
      await other.approve(parked.id)
      // A store of one process has no other process to listen to: there the owner itself is asked.
      if (!shared) await owner.signal(parked.id, 'wake', null)
      expect(await parked).toMatchObject({ status: 'done', output: { decision: 'approve' } })
    })
  })

  describe('decisions', () => {
    it(
      'are made once, for a call that waits, in a run that is there',
      withRuntime(0, async (runtime) => {
        const both = async (ctx: RunContext) => Promise.all([ctx.wait('1.1.approval', ASK), ctx.wait('1.2.approval', ASK)])
        const id = await asked(runtime, agentOf(both))
        await runtime.resume(id).untilWaiting()
        expect(await codeOf(runtime.approve(id))).toBe('run/not-waiting')
        expect(await codeOf(runtime.approve(id, '9.9'))).toBe('run/not-waiting')
        await runtime.approve(id, `${id}:1.1`)
        expect(await codeOf(runtime.approve(id, '1.1'))).toBe('run/already-decided')
        expect(await codeOf(runtime.reject(id, '1.1'))).toBe('run/already-decided')
        await runtime.approve(id)
        expect(await runtime.resume(id)).toMatchObject({ status: 'done' })
        expect(await codeOf(runtime.approve(id, '1.1'))).toBe('run/already-decided')
        expect(await codeOf(runtime.approve('r9'))).toBe('run/not-found')
        expect(await codeOf(runtime.signal(id, 'mail', 1))).toBe('run/ended')
        expect(await codeOf(runtime.signal('r9', 'mail', 1))).toBe('run/not-found')
      }),
    )

    it(
      'made at the same time by two people count once',
      withRuntime(0, async (runtime) => {
        const id = await asked(runtime, asks)
        // By name: who asks for 'the only one that waits' and looks after the other has decided, hears that none waits.
        const codes = await Promise.all([codeOf(runtime.approve(id, '1.1')), codeOf(runtime.reject(id, '1.1'))])
        expect(codes.toSorted()).toEqual(['resolved with undefined', 'run/already-decided'])
        expect(namesOf(await runtime.entries(id)).filter((name) => name.startsWith('approval-given')).length).toBe(1)
      }),
    )
  })
}
