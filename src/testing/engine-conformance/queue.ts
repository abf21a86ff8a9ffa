import type { AgentRef } from '../../engine/context.ts'
import type { EngineAdapter } from '../../engine/engine.ts'
import { openRuntime, type Runtime, type RuntimeOptions } from '../../engine/runtime.ts'
import { TroupeError } from '../../errors/troupe-error.ts'
import { dropped } from '../../util/never.ts'
import { agentOf, codeOf, Counter, Gate, pause, startOf, until, type Harness } from './harness.ts'

/** Long enough for another run to start meanwhile. */
const WORK_MS = 80

async function isEmbedded(engine: EngineAdapter): Promise<boolean> {
  const store = await engine.open()
  const { isEmbedded } = store.queue
  if (store.shared) await store[Symbol.asyncDispose]()
  return isEmbedded
}

/** Whose turn it is, the same on every store. */
export function queueConformance({ openAdapter, describe, it, expect }: Harness): void {
  const open = async (agents: readonly AgentRef[], options: Partial<RuntimeOptions> = {}): Promise<Runtime> =>
    openRuntime({ engine: await openAdapter(), agents, parkAfterMs: 0, ...options })
  /** Notes the tasks in the order in which they start. */
  const noting = (order: string[], name: string = 'tester') =>
    agentOf(async (ctx, { task }) => {
      await ctx.step('note', async () => void order.push(task))
      return task
    }, name)

  describe('the queue', () => {
    it('runs what was queued, tells its events to a handle, and forgets it', async () => {
      const order: string[] = []
      const agent = noting(order)
      const engine = await openAdapter()
      await using runtime = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
      // A store of one consumer finds one in whoever queues a run; a fleet's runs wait for a worker.
      if (!(await isEmbedded(engine))) await runtime.work()
      const run = runtime.run(agent, 'first', { priority: 5 })
      expect(await run).toMatchObject({ status: 'done', output: 'first' })
      const types: string[] = []
      for await (const event of run) types.push(event.type)
      expect(types).toEqual(['run-start', 'run-end'])
      expect(await runtime.queued(run.id)).toBe(null)
    })

    it('takes the lower number first, then who came first', async () => {
      const order: string[] = []
      const agent = noting(order)
      await using runtime = await open([agent])
      for (const [task, priority] of [
        ['c', 9],
        ['d', 9],
        ['a', 0],
        ['b', 1],
      ] as const)
        await runtime.enqueue(agent, task, { priority })
      await runtime.work({ concurrency: 1 })
      await until(() => order.length === 4)
      expect(order).toEqual(['a', 'b', 'c', 'd'])
    })

    it('shares between tenants, however many runs one has', async () => {
      const order: string[] = []
      const agent = noting(order)
      await using runtime = await open([agent])
      for (const task of ['a1', 'a2', 'a3', 'a4']) await runtime.enqueue(agent, task, { tenant: 'a' })
      for (const task of ['b1', 'b2']) await runtime.enqueue(agent, task, { tenant: 'b' })
      await runtime.work({ concurrency: 1 })
      await until(() => order.length === 6)
      expect(order.slice(0, 4).toSorted()).toEqual(['a1', 'a2', 'b1', 'b2'])
    })

    it('keeps to the caps of a tenant and of an agent', async () => {
      const now = { a: 0, b: 0, slow: 0 }
      const most = { a: 0, b: 0, slow: 0 }
      const busy = async (name: 'a' | 'b' | 'slow', work: () => Promise<void>): Promise<void> => {
        now[name]++
        most[name] = Math.max(most[name], now[name])
        await work()
        now[name]--
      }
      // Two that may run together are waited for, however late the second comes.
      const together = async (): Promise<void> => {
        await until(() => most.slow >= 2)
        await pause(WORK_MS)
      }
      const make = (name: string): AgentRef =>
        agentOf(async (ctx, { task }) => {
          const tenant = task === 'a' ? 'a' : 'b'
          await ctx.step('work', async () => busy(tenant, () => (name === 'slow' ? busy('slow', together) : pause(WORK_MS))))
          return null
        }, name)
      const [quick, slow] = [make('quick'), make('slow')]
      await using runtime = await open([quick, slow])
      const runs: string[] = []
      for (let i = 0; i < 4; i++) {
        runs.push(await runtime.enqueue(quick, 'a', { tenant: 'a' }), await runtime.enqueue(slow, 'b', { tenant: 'b' }))
      }
      await runtime.work({
        concurrency: 8,
        limits: { tenants: { a: { concurrency: 1 }, b: { concurrency: 3 } }, agents: { slow: { concurrency: 2 } } },
      })
      for (const run of runs) await runtime.follow(run)
      expect(most.a).toBe(1)
      expect(most.slow <= 2 && most.b <= 3).toBe(true)
      expect(most.slow).toBe(2)
    })

    it('keeps to the rate of a tenant', async () => {
      const starts: number[] = []
      const agent = agentOf(async (ctx) => ctx.step('note', async () => starts.push(Date.now())))
      await using runtime = await open([agent])
      for (let i = 0; i < 4; i++) await runtime.enqueue(agent, 'go', { tenant: 'a' })
      const begun = Date.now()
      await runtime.work({ concurrency: 8, limits: { tenant: { rate: { limit: 2, periodMs: 400 } } } })
      await until(() => starts.length === 4)
      // From before the first was taken: how long after that it noted its time, nobody knows. Clocks may differ by a little.
      expect((starts[2] ?? 0) - begun >= 390).toBe(true)
    })

    it('holds back what is delayed, and ends what has expired without a start', async () => {
      const order: string[] = []
      let lateAt = 0
      const agent = agentOf(async (ctx, { task }) => {
        await ctx.step('note', async () => {
          order.push(task)
          if (task === 'late') lateAt = Date.now()
        })
        return task
      })
      await using runtime = await open([agent])
      const begun = Date.now()
      const late = await runtime.enqueue(agent, 'late', { delayMs: 300 })
      const expired = await runtime.enqueue(agent, 'expired', { expiresInMs: 1 })
      const soon = await runtime.enqueue(agent, 'soon')
      await pause(5)
      await runtime.work({ concurrency: 1 })
      expect(await codeOf(runtime.follow(expired))).toBe('queue/expired')
      await runtime.follow(soon)
      await runtime.follow(late)
      expect(order.toSorted()).toEqual(['late', 'soon'])
      expect(lateAt - begun >= 300).toBe(true)
    })

    it('refuses a second run of one key, for its tenant alone, also after the first has ended', async () => {
      const counter = new Counter()
      const agent = agentOf(async (ctx) => ctx.step('work', counter.effect('work', 1)))
      await using runtime = await open([agent])
      const first = await runtime.enqueue(agent, 'go', { dedupKey: 'k', tenant: 'a' })
      const twin = await runtime.enqueue(agent, 'go', { dedupKey: 'k', tenant: 'a' }).catch((error: unknown) => error)
      expect(TroupeError.is(twin, 'queue/duplicate') && twin.details['runId']).toBe(first)
      const other = await runtime.enqueue(agent, 'go', { dedupKey: 'k', tenant: 'b' })
      await runtime.work()
      await runtime.follow(first)
      await runtime.follow(other)
      expect(await codeOf(runtime.enqueue(agent, 'go', { dedupKey: 'k', tenant: 'a' }))).toBe('queue/duplicate')
      expect(counter.runs.length).toBe(2)
    })

    it('refuses above the depth that was configured, and says when to try again', async () => {
      const agent = noting([])
      await using runtime = await open([agent], { admission: { maxDepth: 2, maxDepthPerTenant: 1 } })
      await runtime.enqueue(agent, 'a', { tenant: 'a' })
      const refused = await runtime.enqueue(agent, 'b', { tenant: 'a' }).catch((error: unknown) => error)
      expect(TroupeError.is(refused, 'queue/full') && refused.retryable && Number(refused.details['retryAfterMs']) > 0).toBe(true)
      await runtime.enqueue(agent, 'b', { tenant: 'b' })
      expect(await codeOf(runtime.enqueue(agent, 'c', { tenant: 'c' }))).toBe('queue/full')
      expect(await runtime.depth()).toEqual({ queued: 2, running: 0, parked: 0, dead: 0 })
      await runtime.work()
      await until(async () => (await runtime.depth()).queued === 0)
      await runtime.enqueue(agent, 'c', { tenant: 'c' })
    })

    it('refuses options that are no such numbers', async () => {
      const agent = noting([])
      await using runtime = await open([agent])
      for (const options of [{ priority: -1 }, { priority: 1.5 }, { delayMs: Number.NaN }, { expiresInMs: 0 }, { maxAttempts: 0 }])
        expect(await codeOf(runtime.enqueue(agent, 'go', options))).toBe('config/invalid')
      expect(await codeOf(runtime.work({ concurrency: 0 }))).toBe('config/invalid')
      expect(await codeOf(runtime.work({ agents: ['nobody'] }))).toBe('config/unknown-agent')
    })
  })

  describe('a queued run', () => {
    it('that waits holds no slot, and goes on with its answer', async () => {
      const agent = agentOf(async (ctx, { task }) => (task === 'waits' ? ctx.wait('answer', { topic: 'answer' }) : task))
      await using runtime = await open([agent])
      const waiting = await runtime.enqueue(agent, 'waits')
      const other = await runtime.enqueue(agent, 'other')
      await runtime.work({ concurrency: 1 })
      expect(await runtime.follow(other)).toMatchObject({ output: 'other' })
      await until(async () => (await runtime.queued(waiting))?.status === 'parked')
      expect(await runtime.follow(waiting).untilWaiting()).toMatchObject({ status: 'waiting' })
      await runtime.signal(waiting, 'answer', 42)
      expect(await runtime.follow(waiting)).toMatchObject({ status: 'done', output: 42 })
    })

    it('that sleeps goes on in time', async () => {
      const agent = agentOf(async (ctx) => {
        const begun = await ctx.step('now', async () => Date.now())
        await ctx.wait('sleep', { until: begun + 150 })
        return ctx.step('then', async () => Date.now() - begun)
      })
      await using runtime = await open([agent])
      const run = await runtime.enqueue(agent, 'go')
      await runtime.work()
      const result = await runtime.follow(run)
      expect(result.status === 'done' && Number(result.output) >= 150).toBe(true)
    })

    it('is cancelled wherever it stands', async () => {
      const agent = agentOf(async (ctx, { task }) => {
        if (task === 'parked') await ctx.wait('for', { topic: 'ever' })
        if (task === 'running')
          await ctx.step('stuck', ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
        return task
      })
      await using runtime = await open([agent])
      const parked = await runtime.enqueue(agent, 'parked')
      await runtime.work({ concurrency: 1 })
      await until(async () => (await runtime.queued(parked))?.status === 'parked')
      const running = await runtime.enqueue(agent, 'running')
      await until(async () => (await runtime.queued(running))?.status === 'running')
      const queued = await runtime.enqueue(agent, 'queued')
      for (const run of [parked, running, queued]) await runtime.cancel(run)
      for (const run of [parked, running, queued]) {
        expect((await runtime.get(run)).status).toBe('cancelled')
        expect(await runtime.queued(run)).toBe(null)
      }
      expect(await runtime.follow(await runtime.enqueue(agent, 'next'))).toMatchObject({ output: 'next' })
    })

    it('goes on with another worker when its own is drained', async () => {
      const counter = new Counter()
      const gate = new Gate()
      let isFirst = true
      const agent = agentOf(async (ctx) => {
        await ctx.step('once', counter.effect('once', 1))
        await ctx.step('stuck', async () => {
          if (!isFirst) return null
          isFirst = false
          gate.open()
          await gate.pass()
          return dropped<null>()
        })
        return 'done'
      })
      const engine = await openAdapter()
      const first = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
      const run = await first.enqueue(agent, 'go')
      const worker = await first.work()
      await gate.reached
      await worker.drain(0)
      expect((await first.queued(run))?.status).toBe('queued')
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent], parkAfterMs: 0 })
      await second.work()
      expect(await second.follow(run)).toMatchObject({ output: 'done' })
      expect(counter.runs).toEqual(['once'])
    })

    it('of a tenant with one slot may call agents at any depth', async () => {
      const leaf = agentOf(async () => 'leaf', 'leaf')
      const middle = agentOf(async (ctx) => (await ctx.child('c', leaf, { task: 'x' })).output ?? null, 'middle')
      const root = agentOf(async (ctx) => (await ctx.child('c', middle, { task: 'x' })).output ?? null, 'root')
      await using runtime = await open([root, middle, leaf])
      const runs = await Promise.all([1, 2, 3].map(() => runtime.enqueue(root, 'go', { tenant: 'a' })))
      await runtime.work({ limits: { tenant: { concurrency: 1 } } })
      for (const run of runs) expect(await runtime.follow(run)).toMatchObject({ output: 'leaf' })
    })

    it('of another major version is kept, says why, and goes on when it is adopted', async () => {
      const old = agentOf(async (ctx) => {
        await ctx.step('a', async () => 1)
        return ctx.wait('answer', { topic: 'answer' })
      })
      const young: AgentRef = { ...agentOf(async (ctx) => ctx.wait('answer', { topic: 'answer' })), version: '2.0.0' }
      const engine = await openAdapter()
      const first = await openRuntime({ engine, agents: [old], parkAfterMs: 0 })
      const run = await first.enqueue(old, 'go')
      await first.work()
      await until(async () => (await first.queued(run))?.status === 'parked')
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [young], parkAfterMs: 0 })
      await second.work()
      await second.signal(run, 'answer', 'yes')
      await until(async () => (await second.queued(run))?.status === 'dead')
      expect((await second.queued(run))?.lastError?.split(':')[0]).toBe('run/incompatible')
      expect(await codeOf(second.resume(run))).toBe('run/incompatible')
      expect(await second.resume(run, { adopt: true })).toMatchObject({ status: 'done', output: 'yes' })
    })
  })

  describe('a run that was called and has a place in the queue', () => {
    it('is taken by a worker while its caller waits without a slot', async () => {
      const counter = new Counter()
      const child: AgentRef = {
        ...agentOf(async (ctx) => ctx.step('work', counter.effect('child', 7)), 'child'),
        placement: { type: 'queue' },
      }
      const parent = agentOf(async (ctx) => {
        const answers = await Promise.all(['1', '2', '3'].map((key) => ctx.child(key, child, { task: key })))
        return answers.map(({ output }) => output ?? null)
      }, 'parent')
      await using runtime = await open([parent, child])
      const run = await runtime.enqueue(parent, 'go', { tenant: 'a' })
      await runtime.work({ concurrency: 1 })
      expect(await runtime.follow(run)).toMatchObject({ status: 'done', output: [7, 7, 7] })
      expect(counter.runs.length).toBe(3)
      expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
    })

    it('tells its caller however it ends, and ends with it', async () => {
      const child: AgentRef = {
        ...agentOf(async (ctx, { task }) => {
          if (task === 'fails') throw new TroupeError('agent/failed', 'it was to be')
          return ctx.wait('for', { topic: 'ever' })
        }, 'child'),
        placement: { type: 'queue' },
      }
      const parent = agentOf(async (ctx, { task }) => (await ctx.child('c', child, { task })).status, 'parent')
      await using runtime = await open([parent, child])
      await runtime.work()
      const failing = await runtime.enqueue(parent, 'fails')
      expect(await runtime.follow(failing)).toMatchObject({ output: 'failed' })
      const waiting = await runtime.enqueue(parent, 'waits')
      await until(async () => (await runtime.queued(`${waiting}-c`))?.status === 'parked')
      await runtime.cancel(`${waiting}-c`)
      expect(await runtime.follow(waiting)).toMatchObject({ output: 'cancelled' })
      const dropped = await runtime.enqueue(parent, 'waits')
      await until(async () => (await runtime.queued(`${dropped}-c`))?.status === 'parked')
      await runtime.cancel(dropped)
      expect((await runtime.get(`${dropped}-c`)).status).toBe('cancelled')
      expect(await runtime.depth()).toEqual({ queued: 0, running: 0, parked: 0, dead: 0 })
    })
  })

  describe('what breaks', () => {
    it('is taken again after a while, and is a dead letter after so many times', async () => {
      const adapter = await openAdapter()
      await using store = await adapter.open()
      const base = { agent: 'a', tenant: '', model: '', priority: 1, notBefore: null, expiresAt: null, dedupKey: null, isChild: false }
      await store.queue.enqueue(startOf('r1', 'a'), { ...base, run: 'r1', maxAttempts: 3 })
      await store.queue.enqueue(startOf('r2', 'a'), { ...base, run: 'r2', maxAttempts: 3 })
      const turns: string[] = []
      const consumer = await store.queue.consume(
        { concurrency: 2, agents: ['a'], backoff: { baseMs: 1, maxMs: 5 } },
        async ({ run, attempt }) => {
          turns.push(`${run} ${attempt}`)
          const code = run === 'r1' ? 'engine/store-failed' : 'run/incompatible'
          return { type: 'broken', error: new TroupeError(code, 'it was to be') }
        },
      )
      await until(async () => (await store.queue.get('r1')) === null && (await store.queue.get('r2'))?.status === 'dead')
      expect(turns.toSorted()).toEqual(['r1 1', 'r1 2', 'r1 3', 'r2 1'])
      const end = (await store.read('r1')).at(-1)
      expect(end?.type === 'run-end' && 'error' in end.body && end.body.error).toMatchObject({ code: 'queue/dead-letter' })
      expect((await store.read('r2')).at(-1)?.type).toBe('run-start')
      await consumer.drain()
    })
  })

  describe('a fork', () => {
    it('begins with what was before its step, and does only what comes after again', async () => {
      const counter = new Counter()
      const child = agentOf(async (ctx) => ctx.step('inner', counter.effect('child', 'c')), 'child')
      const agent = agentOf(async (ctx) => {
        const values: unknown[] = []
        for (const step of [1, 2, 3]) {
          await ctx.emit(String(step), 'step-start', { step })
          values.push(await ctx.step(`${step}.x`, counter.effect(`step ${step}`, step)))
          if (step === 1) values.push((await ctx.child('1.c', child, { task: 'x' })).output)
        }
        return values as string[]
      })
      await using runtime = await open([agent, child])
      const origin = runtime.run(agent, 'go')
      await origin
      counter.runs.length = 0
      const fork = await runtime.fork(origin.id, { step: 3 })
      expect(await runtime.resume(fork)).toMatchObject({ output: [1, 'c', 2, 3] })
      expect(counter.runs).toEqual(['step 3'])
      const start = (await runtime.entries(fork)).find((entry) => entry.run === fork)
      expect(start?.body).toMatchObject({ forkedFrom: { run: origin.id, step: 3 } })
      expect(await codeOf(runtime.fork(origin.id, { step: 4 }))).toBe('config/invalid')
      expect(await codeOf(runtime.fork('r9', { step: 1 }))).toBe('run/not-found')
      expect((await runtime.get(origin.id)).status).toBe('done')
    })

    it('redrives a run that failed from before the step in which it did', async () => {
      const counter = new Counter()
      let isMended = false
      const agent = agentOf(async (ctx) => {
        for (const step of [1, 2]) {
          await ctx.emit(String(step), 'step-start', { step })
          await ctx.step(`${step}.x`, counter.effect(`step ${step}`, step))
          if (step === 2 && !isMended) throw new TroupeError('agent/failed', 'it was to be')
        }
        return 'mended'
      })
      await using runtime = await open([agent])
      const run = runtime.run(agent, 'go')
      expect(await codeOf(run)).toBe('agent/failed')
      isMended = true
      expect(await runtime.resume(await runtime.redrive(run.id))).toMatchObject({ output: 'mended' })
      expect(counter.runs).toEqual(['step 1', 'step 2', 'step 2'])
    })
  })

  describe('the ledger', () => {
    it('holds in all scopes or in none, and counts what was used', async () => {
      await using store = await (await openAdapter()).open()
      const scopes = [
        { id: 'run:r1', limits: { tokens: 100 } },
        { id: 'tenant:a:2026-01', limits: { costUsd: 1 } },
      ]
      const amount = { tokens: 60, costUsd: 0.4, toolCalls: 0 }
      const first = await store.ledger.reserve('r1', scopes, amount)
      expect(first.ok).toBe(true)
      expect(await store.ledger.reserve('r1-2', scopes, amount)).toMatchObject({ ok: false, scope: 'run:r1', heldByOthers: true })
      if (first.ok) await store.ledger.settle(first.id, { tokens: 50, costUsd: 0.25, toolCalls: 0 })
      expect(await store.ledger.spent('run:r1')).toEqual({
        spent: { tokens: 50, costUsd: 0.25, toolCalls: 0 },
        held: { tokens: 0, costUsd: 0, toolCalls: 0 },
      })
      expect(await store.ledger.reserve('r1', scopes, amount)).toMatchObject({ ok: false, heldByOthers: false })
      const held = await store.ledger.reserve('r1-2', scopes, { tokens: 10, costUsd: 0.1, toolCalls: 0 })
      expect(held.ok).toBe(true)
      await store.ledger.release('r1')
      expect((await store.ledger.spent('tenant:a:2026-01')).held.costUsd).toBe(0)
    })

    it('counts tool calls to their cap, and what outlives an activation once', async () => {
      await using store = await (await openAdapter()).open()
      const none = { tokens: 0, costUsd: 0, toolCalls: 0 }
      const scopes = [{ id: 'run:r1', limits: { tokens: 100, toolCalls: 3 } }]
      const calls = await Promise.all(
        ['r1', 'r1-1', 'r1-2', 'r1-3'].map((run) => store.ledger.reserve(run, scopes, { ...none, toolCalls: 1 })),
      )
      expect(calls.filter(({ ok }) => ok).length).toBe(3)
      for (const call of calls) if (call.ok) await store.ledger.settle(call.id, { ...none, toolCalls: 1 })
      expect(await store.ledger.reserve('r1-4', scopes, { ...none, toolCalls: 1 })).toMatchObject({ ok: false, heldByOthers: false })
      const ticket = await store.ledger.reserve('loan:r1-5', [{ id: 'run:r1', limits: {} }], none)
      await store.ledger.release('r1')
      if (ticket.ok) for (let times = 0; times < 2; times++) await store.ledger.settle(ticket.id, { ...none, tokens: 40 })
      expect(await store.ledger.spent('run:r1')).toEqual({ spent: { tokens: 40, costUsd: 0, toolCalls: 3 }, held: none })
    })

    it('is one for many at once', async () => {
      await using store = await (await openAdapter()).open()
      const scopes = [{ id: 's', limits: { tokens: 10 } }]
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.ledger.reserve(`r${i}`, scopes, { tokens: 1, costUsd: 0, toolCalls: 0 })),
      )
      expect(answers.filter(({ ok }) => ok).length).toBe(10)
    })
  })

  describe('the feed', () => {
    it('gives every entry of every run once, in an order that stays', async () => {
      await using store = await (await openAdapter()).open()
      await Promise.all(['r1', 'r2', 'r3'].map((run) => store.create(run, startOf(run))))
      const names: string[] = []
      let cursor: string | null = null
      for (;;) {
        const page: Awaited<ReturnType<typeof store.feed>> = await store.feed(cursor, 2)
        if (page.entries.length === 0) break
        names.push(...page.entries.map(({ run, seq }) => `${run} ${seq}`))
        cursor = page.cursor
      }
      expect(names.toSorted()).toEqual(['r1 1', 'r2 1', 'r3 1'])
      const epoch = await store.claim('r2')
      await store.append('r2', [{ key: '1', at: '2026-01-02T03:04:05.678Z', type: 'step-start', body: { step: 1 } }], epoch)
      const next = await store.feed(cursor, 10)
      expect(next.entries.map(({ run, seq }) => `${run} ${seq}`)).toEqual(['r2 2'])
    })
  })

  describe('a run below another', () => {
    it('is neither begun nor claimed in the name of who has lost that one', async () => {
      await using store = await (await openAdapter()).open()
      await store.create('r1', startOf('r1'))
      const old = await store.claim('r1')
      const young = await store.claim('r1')
      const under = (epoch: number) => ({ under: { run: 'r1', epoch } })
      expect(await codeOf(store.create('r1-1', startOf('r1-1', 'a', 'r1'), under(old)))).toBe('engine/lost-ownership')
      await store.create('r1-1', startOf('r1-1', 'a', 'r1'), under(young))
      expect(await codeOf(store.claim('r1-1', under(old)))).toBe('engine/lost-ownership')
      expect(await store.claim('r1-1', under(young))).toBe(1)
    })
  })
}
