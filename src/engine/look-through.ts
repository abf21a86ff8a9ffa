import type { Entry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Clock } from '../util/clock.ts'
import { dropped } from '../util/never.ts'
import { isInTree } from '../util/run-id.ts'
import { Activation } from './activation.ts'
import type { AgentRef } from './context.ts'
import type { EffectScope, LogStore } from './engine.ts'
import { noQueue } from './no-queue.ts'

/** A step that the code of a run has asked for, and what it was asked. */
export interface AskedStep {
  readonly key: string
  readonly asked: unknown
}

/**
 * Runs an agent's code once more over the log of its run, to see what it asks for: prompts, which no log holds. Everything
 * is answered from the log; nothing is written, called or asked of a model. Ends where the log does.
 *
 * `entries` begins with the `run-start` of the run; the runs below it and the earlier ones of its session are there as
 * well. Only steps of that run are told, for the code of a run below it that has ended is not run again. Throws `run/incompatible`.
 */
export async function lookThrough(entries: readonly Entry[], agent: AgentRef): Promise<readonly AskedStep[]> {
  const root = entries[0]?.run ?? ''
  const asked: AskedStep[] = []
  const end = Promise.withResolvers<null>()
  const stop = (): void => end.resolve(null)
  const known = new Set(entries.map((entry) => `${entry.run} ${entry.key}`))
  const activation = new Activation({
    store: readOnly(
      entries.filter((entry) => !(entry.run === root && entry.type === 'run-end')),
      stop,
    ),
    effects: refusing(stop),
    clock: stoppedAt(Date.parse(entries[0]?.at ?? '')),
    rootRunId: root,
    parkAfterMs: 0,
    publish: () => {},
    isWatched: () => false,
    live: () => {},
    observe: (run, key, what) => {
      if (run === root && known.has(`${run} ${key}`)) asked.push({ key, asked: what })
    },
  })
  const ended = await Promise.race([end.promise, activation.run(agent)])
  await activation.stop(new TroupeError('engine/closed', 'the log was looked through'))
  if (ended?.type === 'broken') throw ended.error
  return asked
}

/** Effects that the log has no answer to: the first one is the end of the matter. */
function refusing(onEffect: () => void): EffectScope {
  const run = (): never => {
    onEffect()
    throw new TroupeError('run/ended', 'the log ends before this effect')
  }
  return { run, active: () => undefined }
}

/** Limits of time that were met, or would be by now, change nothing of what has happened. */
function stoppedAt(ms: number): Clock {
  return { now: () => ms, after: () => () => {} }
}

/** A store whose first write is the end of the matter. */
function readOnly(entries: readonly Entry[], onWrite: () => void): LogStore {
  const write = <T>(): Promise<T> => {
    onWrite()
    return dropped()
  }
  return {
    shared: false,
    version: () => Promise.resolve(0),
    create: write,
    append: write,
    claim: () => Promise.resolve(1),
    release: () => Promise.resolve(),
    read: (run, after = 0) => Promise.resolve(entries.filter((entry) => entry.run === run && entry.seq > after)),
    readTree: (root) => Promise.resolve(entries.filter((entry) => isInTree(entry.run, root))),
    heads: () => Promise.resolve([]),
    feed: () => Promise.resolve({ cursor: null, entries: [] }),
    drop: () => Promise.resolve(),
    ...noQueue(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
