import { openRuntime } from '../../engine/runtime.ts'
import type { RunContext } from '../../engine/context.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { agentOf, codeOf, Counter, Gate, namesOf, pause, type Harness } from './harness.ts'

/** Effects, their memos and what a second activation makes of them. */
export function stepConformance({ openAdapter, describe, it, expect }: Harness): void {
  describe('steps', () => {
    it('runs no effect again that the log knows', async () => {
      const engine = await openAdapter()
      const counter = new Counter()
      const gates = [new Gate(), new Gate()]
      let activation = -1
      const agent = agentOf(async (ctx) => {
        const gate = gates[++activation]
        const a = await ctx.step('a', counter.effect('a', { n: 20 }))
        const b = await ctx.step('b', counter.effect('b', 22))
        await ctx.during(async () => gate?.pass())
        const c = await ctx.step('c', counter.effect('c', a.n + b))
        return c
      })
      const first = await openRuntime({ engine })
      const { id } = first.run(agent, 'go')
      await gates[0]?.reached
      await first[Symbol.asyncDispose]()
      gates[1]?.open()

      await using second = await openRuntime({ engine, agents: [agent] })
      expect(await second.resume(id)).toMatchObject({ status: 'done', output: 42 })
      expect(counter.runs).toEqual(['a', 'b', 'c'])
      expect(namesOf(await second.entries(id))).toEqual(['run-start start', 'effect a', 'effect b', 'effect c', 'run-end end'])
      expect((await second.entries(id)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    })

    it('gives a finished run its result again without running anything', async () => {
      const engine = await openAdapter()
      let activations = 0
      const agent = agentOf(async () => ++activations)
      const first = await openRuntime({ engine })
      const { id } = await first.run(agent, 'go').then(({ runId }) => ({ id: runId }))
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent] })
      expect(await second.resume(id)).toMatchObject({ status: 'done', output: 1 })
      expect(activations).toBe(1)
    })

    it('throws what a failed effect threw, live and in replay', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const thrown: unknown[] = []
      let runs = 0
      const agent = agentOf(async (ctx) => {
        const effect = async (): Promise<never> => {
          runs++
          throw new TroupeError('model/failed', 'the model said no', { details: { status: 400 }, retryable: false })
        }
        await ctx.step('a', effect).catch((error: unknown) => thrown.push(error))
        if (thrown.length === 1) await ctx.during(() => gate.pass())
        return 'caught'
      })
      const first = await openRuntime({ engine })
      const { id } = first.run(agent, 'go')
      await gate.reached
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent] })
      expect(await second.resume(id)).toMatchObject({ output: 'caught' })
      const expected = { code: 'model/failed', message: 'the model said no', retryable: false, details: { status: 400 } }
      expect(thrown.map((error) => (TroupeError.is(error) ? error.toJSON() : error))).toEqual([expected, expected])
      expect(runs).toBe(1)
    })

    it('gives the effect a key of its own that every attempt sees again', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const keys: string[] = []
      const agent = agentOf(async (ctx) => {
        await ctx.step('a', async ({ idempotencyKey }) => {
          keys.push(idempotencyKey)
          if (keys.length === 1) await gate.pass()
        })
        return null
      })
      const first = await openRuntime({ engine })
      const { id } = first.run(agent, 'go')
      await gate.reached
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent] })
      await second.resume(id)
      expect(keys).toEqual([`${id}:a`, `${id}:a`])
    })

    for (const [what, order] of [
      ['a race', raceOrder],
      ['parallel branches', branchOrder],
    ] as const) {
      it(`lets ${what} take the same turns in replay, however long each branch takes`, async () => {
        const engine = await openAdapter()
        const gate = new Gate()
        const orders: string[][] = []
        const agent = agentOf(async (ctx) => {
          const isReplay = orders.length > 0
          orders.push(await order(ctx, isReplay ? [40, 20, 1] : [1, 15, 30]))
          if (!isReplay) await ctx.during(() => gate.pass())
          return null
        })
        const first = await openRuntime({ engine })
        const { id } = first.run(agent, 'go')
        await gate.reached
        const atStop = namesOf(await first.entries(id))
        await first[Symbol.asyncDispose]()
        await using second = await openRuntime({ engine, agents: [agent] })
        await second.resume(id)
        expect(orders.length).toBe(2)
        expect(orders[1]).toEqual(orders[0])
        expect(namesOf(await second.entries(id)).slice(0, atStop.length)).toEqual(atStop)
      })
    }

    it('holds a new effect until everything recorded has been answered', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const seen: string[] = []
      const agent = agentOf(async (ctx) => {
        const isReplay = seen.length > 0
        const fresh = isReplay ? ctx.step('new', async () => void seen.push('new effect')) : undefined
        await ctx.during(() => pause(isReplay ? 20 : 0))
        seen.push('asks for old')
        await ctx.step('old', async () => 1)
        if (!isReplay) await ctx.during(() => gate.pass())
        await fresh
        return null
      })
      const first = await openRuntime({ engine })
      const { id } = first.run(agent, 'go')
      await gate.reached
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent] })
      await second.resume(id)
      expect(seen).toEqual(['asks for old', 'asks for old', 'new effect'])
    })

    it('refuses a key that the run has used', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const agent = agentOf(async (ctx) => {
        await ctx.step('a', async () => 1)
        return ctx.step('a', async () => 2)
      })
      expect(await codeOf(runtime.run(agent, 'go'))).toBe('engine/duplicate-key')
    })

    it('keeps what a step gave, whatever the agent does to it', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const seen: number[] = []
      const agent = agentOf(async (ctx) => {
        const list = await ctx.step('list', async () => [1])
        list.push(2)
        seen.push(list.length)
        if (seen.length === 1) await ctx.during(() => gate.pass())
        return list
      })
      const first = await openRuntime({ engine })
      const { id } = first.run(agent, 'go')
      await gate.reached
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent] })
      expect(await second.resume(id)).toMatchObject({ output: [1, 2] })
      expect(seen).toEqual([2, 2])
    })

    it('gives live what replay will give, and fails an effect whose value is no JSON', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const agent = agentOf(async (ctx) => {
        const when = await ctx.step('date', async () => ({ at: new Date(0), gone: undefined }))
        const failed = await codeOf(ctx.step('bigint', async () => 1n))
        return [typeof when.at, 'gone' in when, failed]
      })
      expect(await runtime.run(agent, 'go')).toMatchObject({ output: ['string', false, 'agent/failed'] })
    })

    for (const [what, use] of [
      ['step', (ctx: RunContext) => ctx.step('in', async () => 1)],
      ['emit', (ctx: RunContext) => ctx.emit('in', 'print', { step: 1, text: 'x' })],
      ['wait', (ctx: RunContext) => ctx.wait('in', { topic: 't' })],
      [
        'child',
        (ctx: RunContext) =>
          ctx.child(
            'in',
            agentOf(async () => 1, 'child'),
            { task: 'x' },
          ),
      ],
    ] as const) {
      it(`refuses ${what} inside an effect`, async () => {
        await using runtime = await openRuntime({ engine: await openAdapter() })
        const agent = agentOf(async (ctx) => {
          await ctx.step('out', async () => {
            await pause(1)
            await use(ctx)
          })
          return null
        })
        expect(await codeOf(runtime.run(agent, 'go'))).toBe('engine/nested')
      })
    }

    it('lets an effect start a run of its own', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const inner = agentOf(async (ctx) => ctx.step('a', async () => 'inner'), 'inner')
      const agent = agentOf(async (ctx) =>
        ctx.step('outer', async () => {
          const result = await runtime.run(inner, 'go')
          return result.status === 'done' ? result.output : null
        }),
      )
      expect(await runtime.run(agent, 'go')).toMatchObject({ status: 'done', output: 'inner' })
    })

    it('stops as incompatible when the code asks for something else than the log has, and writes nothing', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const first = await openRuntime({ engine })
      const run = first.run(
        agentOf(async (ctx) => {
          await ctx.step('a', async () => 1)
          await ctx.step('b', async () => 1)
          await ctx.during(() => gate.pass())
          return null
        }),
        'go',
      )
      await gate.reached
      await first[Symbol.asyncDispose]()

      const asksOther = agentOf(async (ctx) => (await ctx.step('a', async () => 1)) + (await ctx.step('other', async () => 1)))
      const endsEarly = agentOf(async (ctx) => ctx.step('a', async () => 1))
      for (const agent of [asksOther, endsEarly]) {
        await using runtime = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
        expect(await codeOf(runtime.resume(run.id))).toBe('run/incompatible')
        expect(namesOf(await runtime.entries(run.id))).toEqual(['run-start start', 'effect a', 'effect b'])
      }
    })
  })
}

/** Three branches start after different times; told is who won each time. */
async function raceOrder(ctx: RunContext, delays: readonly number[]): Promise<string[]> {
  const branch = async (name: string, delayMs: number): Promise<string> => {
    await ctx.during(() => pause(delayMs))
    return ctx.step(name, async () => name)
  }
  const branches = delays.map((delayMs, index) => branch(`r${index}`, delayMs))
  const winner = await Promise.race(branches)
  const told = await ctx.step('told', async () => winner)
  return [winner, told, ...(await Promise.all(branches))]
}

/** Three chains of two steps; told is the order in which the agent saw their answers. */
async function branchOrder(ctx: RunContext, delays: readonly number[]): Promise<string[]> {
  const seen: string[] = []
  const branch = async (name: string, delayMs: number): Promise<void> => {
    for (const part of ['x', 'y']) {
      await ctx.during(() => pause(delayMs))
      await ctx.step(`${name}${part}`, async () => pause(delayMs / 3))
      seen.push(`${name}${part}`)
    }
  }
  await Promise.all(delays.map((delayMs, index) => branch(`b${index}`, delayMs)))
  return seen
}
