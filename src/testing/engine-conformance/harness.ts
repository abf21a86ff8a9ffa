import type { Entry, EntryBodies, EntryType, NewEntry, RunInput } from '../../client/entry.ts'
import type { AgentRef, RunContext } from '../../engine/context.ts'
import type { EngineAdapter } from '../../engine/engine.ts'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import type { JsonValue } from '../../util/json.ts'

/** What the suites need of a test framework; Vitest's and Jest's own functions fit. */
export interface TestFramework {
  describe(name: string, body: () => void): void
  it(name: string, body: () => Promise<void>): void
  expect(actual: unknown): Matchers
}

interface Matchers {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
}

export interface Harness extends TestFramework {
  /** An adapter on a store of its own, empty; what is opened from one adapter is one store. */
  openAdapter(): EngineAdapter | Promise<EngineAdapter>
}

const AT = '2026-01-02T03:04:05.678Z'

/** An entry as an activation or somebody outside would hand it to the store. */
export function newEntry<Type extends EntryType>(type: Type, key: string | undefined, body: EntryBodies[Type]): NewEntry<Type> {
  return { ...(key !== undefined && { key }), at: AT, type, body }
}

export function startOf(run: string, agent: string = 'tester', parentRunId?: string): NewEntry<'run-start'> {
  const body = { version: 1, agent, agentVersion: '1', input: { task: 'go' }, rootRunId: run.split('-')[0] ?? run }
  return newEntry('run-start', 'start', { ...body, ...(parentRunId !== undefined && { parentRunId }) })
}

export function logEntry(message: string): NewEntry<'log'> {
  return newEntry('log', undefined, { level: 'info', message })
}

/** An agent that is one function; what it gives is its output. */
export function agentOf(activate: (ctx: RunContext, input: RunInput) => Promise<JsonValue>, name: string = 'tester'): AgentRef<JsonValue> {
  return { name, version: '1', activate: async (input, ctx) => ({ status: 'done', output: await activate(ctx, input) }) }
}

/** The code of the Troupe error that `work` rejects with; anything else is told as a text that is no code. */
export async function codeOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    return `resolved with ${JSON.stringify(await work)}`
  } catch (error) {
    return TroupeError.is(error) ? error.code : `a foreign error: ${messageOf(error)}`
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

const LOOK_MS = 5
/** Longer than anything that works takes on a busy machine. */
const PATIENCE_MS = 10_000

/** Waits until something has come about; throws when it never does. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > end) throw new TroupeError('internal/unreachable', 'what the test waits for did not come about')
    await pause(LOOK_MS)
  }
}

/** Names of entries as `type key`, for comparing whole logs at a glance. */
export function namesOf(entries: readonly Entry[]): readonly string[] {
  return entries.map(({ type, key }) => (key === undefined ? type : `${type} ${key}`))
}

/** Counts how often each effect was run. */
export class Counter {
  readonly runs: string[] = []

  /** The effect `name`, which gives `value`. */
  effect<T>(name: string, value: T): () => Promise<T> {
    return async () => {
      this.runs.push(name)
      return value
    }
  }
}

/** A place where an agent stays until it is let on, and whoever waits for it to get there. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()

  get reached(): Promise<void> {
    return this.#reached.promise
  }

  open(): void {
    this.#opened.resolve()
  }

  async pass(): Promise<void> {
    this.#reached.resolve()
    await this.#opened.promise
  }
}
