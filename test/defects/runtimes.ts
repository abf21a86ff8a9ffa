import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { Entry } from '../../src/client/entry.ts'
import type { EngineAdapter, LogStore } from '../../src/engine/engine.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { openRuntime, TroupeError, type Runtime } from '../../src/index.ts'
import type { Sandbox, SandboxSession } from '../../src/sandbox/sandbox.ts'

/** A store that any number of processes open: each `adapter()` stands for one of them. */
export interface Place {
  adapter(): EngineAdapter
}

/** The stores that a test without services can be told on. */
export const PLACES: readonly (readonly [name: string, place: () => Place])[] = [
  ['memory', memoryPlace],
  ['SQLite', sqlitePlace],
]

export function memoryPlace(): Place {
  const engine = memory()
  return { adapter: () => engine }
}

/** A file of its own, gone after the test. */
export function sqlitePlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-defects-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))
  const path = join(dir, 'runs.db')
  return { adapter: () => sqlite({ path }) }
}

/** Opens a runtime that parks soon and is closed when the test is over, if the test has not closed it. */
export async function opened(engine: EngineAdapter, options: Omit<Parameters<typeof openRuntime>[0], 'engine'> = {}): Promise<Runtime> {
  const runtime = await openRuntime({ engine, parkAfterMs: 20, ...options })
  let closing: Promise<void> | undefined
  const close = runtime[Symbol.asyncDispose].bind(runtime)
  runtime[Symbol.asyncDispose] = () => (closing ??= close())
  onTestFinished(() => runtime[Symbol.asyncDispose]())
  return runtime
}

/**
 * A store with the first entries of a tree, as a process that was killed after them has left it. `change` may give another
 * entry in the place of one: what code that is not deterministic would have logged.
 */
export async function storeWith(entries: readonly Entry[], change: (entry: Entry) => Entry = (entry) => entry): Promise<EngineAdapter> {
  const engine = memory()
  const { store } = engine
  const epochs = new Map<string, number>()
  for (const entry of entries.map(change)) {
    const { run, key, at, type, body } = entry
    const written = { ...(key !== undefined && { key }), at, type, body } as Entry
    if (type === 'run-start') {
      await store.create(run, written as Entry<'run-start'>)
      epochs.set(run, await store.claim(run))
    } else {
      await store.append(run, [written], entry.epoch === 0 ? null : (epochs.get(run) ?? null))
    }
  }
  for (const [run, epoch] of epochs) await store.release(run, epoch)
  return engine
}

/** The entries up to and with the first of a type, of one run where that is said. */
export function upTo(entries: readonly Entry[], type: Entry['type'], run?: string): readonly Entry[] {
  const at = entries.findIndex((entry) => entry.type === type && (run === undefined || entry.run === run))
  expect(at, `there is no ${type} in the log`).toBeGreaterThanOrEqual(0)
  return entries.slice(0, at + 1)
}

/** `type key` of each entry. */
export function names(entries: readonly Entry[]): readonly string[] {
  return entries.map(({ type, key }) => (key === undefined ? type : `${type} ${key}`))
}

/** What `work` gives; `'nothing'` when that takes longer than any right answer would. */
export async function soon<T>(work: PromiseLike<T>, timeoutMs: number = 6_000): Promise<T | 'nothing'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'nothing'>((resolve) => {
    timer = setTimeout(() => resolve('nothing'), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks again and again until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>, timeoutMs: number = 8_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`it did not come true in ${timeoutMs} ms: ${String(isSo)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The Troupe error that `work` rejects with. */
export async function errorOf(work: PromiseLike<unknown>): Promise<TroupeError> {
  try {
    await work
  } catch (error) {
    if (TroupeError.is(error)) return error
    throw error
  }
  throw new Error('it did not reject')
}

/** A sandbox whose sessions a test may change, each as it is opened. */
export function wrapped(real: Sandbox, wrap: (session: SandboxSession) => Partial<SandboxSession>): Sandbox {
  return {
    ...real,
    open: async (options) => {
      const session = await real.open(options)
      const same: SandboxSession = {
        execute: (code, how) => session.execute(code, how),
        reply: (call, answer) => session.reply(call, answer),
        resume: () => session.resume(),
        snapshot: async () => session.snapshot(),
        [Symbol.asyncDispose]: async () => session[Symbol.asyncDispose](),
      }
      return { ...same, ...wrap(session) }
    },
  }
}

/** An engine of which a test changes what its store does; the rest is the store's own. */
export function changed(engine: EngineAdapter, change: (store: LogStore) => Partial<LogStore>): EngineAdapter {
  const open = async (): Promise<LogStore> => {
    const store = await engine.open()
    const changes: object = change(store)
    return new Proxy(store, {
      get: (target, name) => {
        if (Object.hasOwn(changes, name)) return Reflect.get(changes, name) as unknown
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    })
  }
  return { name: engine.name, effects: engine.effects, open }
}
