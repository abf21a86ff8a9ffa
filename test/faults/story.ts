import { join } from 'node:path'
import { expect } from 'vitest'
import type { Entry } from '../../src/client/entry.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { changedEntries, repeatedKeys } from '../../src/testing/compare-logs.ts'
import { engineOf } from './engine-of.ts'
import { farEnd } from './far-end.ts'
import type { Boundary } from './killing.ts'
import { folder, player, type Line, type Order } from './player.ts'

export const RUN = 'r1'

/** What stood in the log, and what had been done outside, when a process was killed. */
export interface Killed {
  readonly entries: readonly Entry[]
  readonly done: Readonly<Record<string, number>>
}

export interface Story {
  readonly kills: readonly Killed[]
  /** What the process that lived said last. */
  readonly end: Line | undefined
  readonly entries: readonly Entry[]
  readonly done: Readonly<Record<string, number>>
}

export interface StoryOptions {
  readonly agent: string
  readonly six?: NonNullable<Order['six']>
  /** Default: a SQLite file of its own. */
  readonly store?: string
  /** Where the next process is killed, by what the log has; null: it lives. */
  next(kill: number, known: readonly Entry[]): Boundary | null
}

/** Runs an agent in one process after another, each killed at its boundary; the last one lives. */
export async function story({ agent, six, store = join(folder(), 'troupe.db'), next }: StoryOptions): Promise<Story> {
  await using outside = await farEnd()
  const kills: Killed[] = []
  let entries: readonly Entry[] = []
  for (;;) {
    const boundary = next(kills.length, entries)
    const isBegun = entries.length > 0
    // Once the run is adopted by the same version, which changes nothing and writes an entry of its own type.
    const task: Order['task'] = isBegun ? { type: 'resume', run: RUN, adopt: kills.length === 2 } : { type: 'run', agent, run: RUN }
    const { signal, last, err } = await player({ store, url: outside.url, task, ...(boundary && { boundary }), ...(six && { six }) }).ended
    entries = await logOf(store, RUN)
    const done = await outside.counts()
    if (signal === null) {
      expect(err).toBe('')
      return { kills, end: last, entries, done }
    }
    expect(signal).toBe('SIGKILL')
    kills.push({ entries, done })
  }
}

async function logOf(path: string, run: string): Promise<readonly Entry[]> {
  await using runtime = await openRuntime({ engine: engineOf(path) })
  return runtime.entries(run)
}

/** Effects whose outcome is in the log, by the key under which the far end counts them. */
function finished(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap((entry) => {
    if (entry.type === 'model-end') return [`model ${entry.run.slice(RUN.length + 1)}/${entry.key}`]
    return entry.type === 'effect' || entry.type === 'tool-end' ? [`${entry.run}:${entry.key}`] : []
  })
}

/** What every story has to be, wherever its processes were killed. */
export function expectWhole({ kills, end, entries, done }: Story, output: unknown): void {
  expect(end).toEqual({ type: 'end', status: 'done', output })
  expect(repeatedKeys(entries)).toEqual([])
  expect(Object.keys(done).length).toBeGreaterThan(1)
  for (const [at, kill] of kills.entries()) {
    expect(changedEntries(kill.entries, entries)).toEqual([])
    // What had finished is done no more: not by the next process, nor by any after that.
    const keys = finished(kill.entries)
    expect(keys.map((key) => [at, key, done[key]])).toEqual(keys.map((key) => [at, key, kill.done[key]]))
  }
  for (const [key, times] of Object.entries(done)) {
    // Its outcome is in the log now, and it was done more than once only where a kill had cut it off.
    const cutOff = kills.filter((kill) => kill.done[key] !== undefined && !finished(kill.entries).includes(key)).length
    expect([key, finished(entries).includes(key), times <= 1 + cutOff]).toEqual([key, true, true])
  }
}
