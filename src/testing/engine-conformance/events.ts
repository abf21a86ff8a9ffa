import type { RunEvent } from '../../client/event.ts'
import { openRuntime } from '../../engine/runtime.ts'
import { agentOf, codeOf, Gate, namesOf, pause, until, type Harness } from './harness.ts'

/** What listeners are told, and what a log says to those who come later. */
export function eventConformance({ openAdapter, describe, it, expect }: Harness): void {
  const all = async (events: AsyncIterable<RunEvent>): Promise<readonly RunEvent[]> => {
    const seen: RunEvent[] = []
    for await (const event of events) seen.push(event)
    return seen
  }
  const placesOf = (events: readonly RunEvent[]): readonly string[] =>
    events.map(({ type, runId, seq }) => `${type} ${runId.includes('-') ? 'child' : 'root'} ${seq}`)
  const child = agentOf(async (ctx) => {
    await ctx.emit('1', 'step-start', { step: 1 })
    return 'c'
  }, 'child')
  const boss = agentOf(async (ctx) => {
    await ctx.emit('1', 'step-start', { step: 1 })
    await ctx.child('a', child, { task: 'x' })
    await ctx.emit('1.1', 'print', { step: 1, text: 'hello' })
    return null
  }, 'boss')
  const expected = [
    'run-start root 1',
    'step-start root 2',
    'agent-start root 3',
    'run-start child 1',
    'step-start child 2',
    'run-end child 3',
    'agent-end root 4',
    'print root 5',
    'run-end root 6',
  ]

  describe('events', () => {
    it('come in the order of the log, to any number of listeners, early or late, and end at run-end', async () => {
      const engine = await openAdapter()
      await using runtime = await openRuntime({ engine })
      const run = runtime.run(boss, 'go')
      const early = await Promise.all([all(run), all(run), all(runtime.events(run.id))])
      const late = [await all(run), await all(runtime.events(run.id))]
      await using reader = await openRuntime({ engine })
      for (const events of [...early, ...late, await all(reader.events(run.id))]) expect(placesOf(events)).toEqual(expected)
      expect(early[0][3]).toMatchObject({ agent: 'child', parentRunId: run.id })
      expect(early[0].at(-1)).toMatchObject({ type: 'run-end', status: 'done', error: null })
    })

    it('can be had from a place on', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const run = runtime.run(boss, 'go')
      const live = placesOf(await all(runtime.events(run.id, { after: 3 })))
      await run
      const logged = placesOf(await all(runtime.events(run.id, { after: 3 })))
      expect(live.filter((place) => place.includes('root'))).toEqual(['agent-end root 4', 'print root 5', 'run-end root 6'])
      expect(logged).toEqual(live)
      expect(await codeOf(all(runtime.events('r9')))).toBe('run/not-found')
    })

    it('stream what is under way, joined, without a seq and without a trace in the log', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter() })
      const agent = agentOf(async (ctx) =>
        ctx.step('m', async ({ live }) => {
          for (let part = 0; part < 100; part++) {
            live({ type: 'model-delta', step: 1, attempt: 1, text: `${part},` })
            await pause(1)
          }
          live({ type: 'model-delta', step: 1, attempt: 2, text: 'again' })
          return 1
        }),
      )
      const run = runtime.run(agent, 'go')
      const begun = Date.now()
      const events = await all(run)
      const deltas = events.flatMap((event) => (event.type === 'model-delta' ? [event] : []))
      const first = deltas.filter(({ attempt }) => attempt === 1)
      expect(first.map(({ text }) => text).join('')).toBe(Array.from({ length: 100 }, (_, part) => `${part},`).join(''))
      expect(first.length >= 2 && first.length <= 2 + (Date.now() - begun) / 50).toBe(true)
      expect(deltas.at(-1)).toMatchObject({ attempt: 2, text: 'again', runId: run.id, agent: 'tester' })
      expect(deltas.some((delta) => 'seq' in delta)).toBe(false)
      expect(namesOf(await runtime.entries(run.id))).toEqual(['run-start start', 'effect m', 'run-end end'])
    })

    it('of agent code are written once, however often they are told', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      let activations = 0
      const agent = agentOf(async (ctx) => {
        activations++
        const print = (key: string): Promise<void> => ctx.emit(key, 'print', { step: 1, text: key })
        await Promise.all([print('1'), print('1'), print('2')])
        await print('1')
        if (activations === 1) await ctx.during(() => gate.pass())
        await print('3')
        return null
      })
      const first = await openRuntime({ engine })
      const { id } = first.run(agent, 'go')
      await gate.reached
      await first[Symbol.asyncDispose]()
      await using second = await openRuntime({ engine, agents: [agent] })
      await second.resume(id)
      expect(namesOf(await second.entries(id))).toEqual(['run-start start', 'print 1', 'print 2', 'print 3', 'run-end end'])
    })

    it('end with the fault when this process had to give the run up', async () => {
      const engine = await openAdapter()
      const gate = new Gate()
      const first = await openRuntime({ engine })
      const run = first.run(
        agentOf(async (ctx) => ctx.step('a', async () => gate.pass()).then(() => null)),
        'go',
      )
      const events = codeOf(all(run))
      await gate.reached
      await first[Symbol.asyncDispose]()
      expect(await events).toBe('engine/closed')
    })
  })

  describe('a run that is left alone', () => {
    it('raises no unhandled rejection, however it fails', async () => {
      const unhandled: unknown[] = []
      const note = (error: unknown): void => void unhandled.push(error)
      process.on('unhandledRejection', note)
      try {
        const runtime = await openRuntime({ engine: await openAdapter() })
        const failing = agentOf(async (ctx) => {
          ctx.step('other', () => pause(5)).catch(() => {})
          return ctx.step('a', async () => {
            // plain error: stands for a fault of a user's own code
            throw new TypeError('broken')
          })
        })
        const { id } = runtime.run(failing, 'go')
        runtime.run(failing, 'go', { runId: id })
        runtime.resume('r9')
        await until(async () => (await runtime.get(id)).status === 'failed')
        await runtime[Symbol.asyncDispose]()
        await pause(20)
      } finally {
        process.off('unhandledRejection', note)
      }
      expect(unhandled).toEqual([])
    })

    it('is forgotten at its end where that is wanted, and its handle still tells all', async () => {
      await using runtime = await openRuntime({ engine: await openAdapter(), dropAtEnd: true })
      const run = runtime.run(boss, 'go')
      expect(await run).toMatchObject({ status: 'done' })
      expect(await runtime.entries(run.id)).toEqual([])
      expect(await runtime.list()).toEqual([])
      expect(placesOf(await all(run))).toEqual(expected)
    })
  })
}
