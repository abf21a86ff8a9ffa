/** Faults of our own, found by review: a log is written in order, whatever its store says in between. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { NewEntry } from '../../src/client/entry.ts'
import type { EngineAdapter, LogStore } from '../../src/engine/engine.ts'
import { codeAgent, tool, TroupeError } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code } from '../behaviours/support.ts'
import { memoryPlace, names, opened, soon, sqlitePlace, storeWith } from './runtimes.ts'

const description = 'Works things out.'

/** A store that refuses, once, the append that has a certain entry, and says that trying again may help. */
function refusingOnce(engine: EngineAdapter, victim: string): { readonly engine: EngineAdapter; readonly refused: () => number } {
  let refused = 0
  const refusing = (store: LogStore): LogStore =>
    new Proxy(store, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property)
        if (typeof value !== 'function') return value
        if (property !== 'append') return value.bind(target)
        return async (run: string, entries: readonly NewEntry[], epoch: number | null) => {
          if (refused === 0 && entries.some(({ type, key }) => `${type} ${key}` === victim)) {
            refused++
            throw new TroupeError('engine/store-failed', 'the store was busy', { retryable: true })
          }
          return target.append(run, entries, epoch)
        }
      },
    })
  return { engine: { ...engine, open: async () => refusing(await engine.open()) }, refused: () => refused }
}

function worker() {
  const look = tool({ name: 'look', description: 'Looks.', effect: 'read', input: z.object({}), run: () => 1 })
  const model = scriptedModel([code('console.log("one")\nawait look({})\nconsole.log("two")'), code('finalAnswer("done")')])
  return codeAgent({ name: 'worker', description, tools: [look], model })
}

const VICTIMS = [
  'step-start 1',
  'model-end 1.model',
  'code 1.code',
  'print 1.print.1',
  'tool-start 1.1',
  'tool-end 1.1',
  'action-end 1.end',
  'step-end 1',
  'step-start 2',
]

describe('an append that the store refuses once', () => {
  it.each(VICTIMS)('does not change the order of the log: %s', async (victim) => {
    const whole = await opened(memoryPlace().adapter())
    const { runId } = await whole.run(worker(), 'Go.')
    const expected = names(await whole.entries(runId))
    expect(expected).toContain(victim)

    const { engine, refused } = refusingOnce(memoryPlace().adapter(), victim)
    const runtime = await opened(engine)
    const run = runtime.run(worker(), 'Go.')
    expect(await run).toMatchObject({ status: 'done', output: 'done' })
    expect(refused()).toBe(1)
    const entries = await runtime.entries(run.id)
    expect(names(entries)).toEqual(expected)
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => i + 1))
  })

  it('nor on SQLite', async () => {
    const { engine, refused } = refusingOnce(sqlitePlace().adapter(), 'step-start 1')
    const runtime = await opened(engine)
    const run = runtime.run(worker(), 'Go.')
    await run
    expect(refused()).toBe(1)
    const whole = await opened(sqlitePlace().adapter())
    expect(names(await runtime.entries(run.id))).toEqual(names(await whole.entries((await whole.run(worker(), 'Go.')).runId)))
  })

  it('and the run can be resumed from every place in that log', async () => {
    const { engine } = refusingOnce(memoryPlace().adapter(), 'step-start 1')
    const first = await opened(engine)
    const run = first.run(worker(), 'Go.')
    await run
    const entries = await first.entries(run.id)
    for (let length = 1; length < entries.length; length++) {
      const runtime = await opened(await storeWith(entries.slice(0, length)), { agents: [worker()] })
      expect(await soon(runtime.resume(run.id)), `after ${names(entries)[length - 1]}`).toMatchObject({ status: 'done', output: 'done' })
      await runtime[Symbol.asyncDispose]()
    }
  })
})
