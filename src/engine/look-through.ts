import type { Entry } from '../client/entry.ts'
import { systemClock } from '../util/clock.ts'
import { dropped } from '../util/never.ts'
import { isInTree } from '../util/run-id.ts'
import { Activation } from './activation.ts'
import type { AgentRef } from './context.ts'
import type { EffectScope, LogStore } from './engine.ts'

/** A step that the code of a run has asked for, and what it was asked. */
export interface AskedStep {
  readonly run: string
  readonly key: string
  readonly asked: unknown
}

/**
 * Runs an agent's code once more over a finished log, to see what it asks for: prompts, which no log holds. Everything
 * is answered from the log; nothing is written, called or asked of a model. Ends where the log does.
 */
export async function lookThrough(entries: readonly Entry[], agent: AgentRef, effects: EffectScope): Promise<readonly AskedStep[]> {
  const root = entries[0]?.run ?? ''
  const asked: AskedStep[] = []
  const end = Promise.withResolvers<void>()
  const known = new Set(entries.map((entry) => `${entry.run} ${entry.key}`))
  const activation = new Activation({
    store: readOnly(entries.filter((entry) => !(entry.run === root && entry.type === 'run-end')), () => end.resolve()),
    effects,
    clock: systemClock,
    rootRunId: root,
    parkAfterMs: 0,
    publish: () => {},
    live: () => {},
    observe: (run, key, what) => {
      if (known.has(`${run} ${key}`)) asked.push({ run, key, asked: what })
    },
  })
  await Promise.race([end.promise, activation.run(agent)])
  return asked
}

/** A store whose first write is the end of the matter. */
function readOnly(entries: readonly Entry[], onWrite: () => void): LogStore {
  const write = <T>(): Promise<T> => {
    onWrite()
    return dropped()
  }
  return {
    shared: false,
    create: write,
    append: write,
    claim: () => Promise.resolve(1),
    read: (run, after = 0) => Promise.resolve(entries.filter((entry) => entry.run === run && entry.seq > after)),
    readTree: (root) => Promise.resolve(entries.filter((entry) => isInTree(entry.run, root))),
    heads: () => Promise.resolve([]),
    drop: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
