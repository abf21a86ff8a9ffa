/** `kill -9` at a boundary of every type of entry, and at seeded random ones: real processes, effects counted by another. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Entry, EntryType } from '../../src/client/entry.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { changedEntries, repeatedKeys } from '../../src/testing/compare-logs.ts'
import { mulberry } from './chance.ts'
import { farEnd } from './far-end.ts'
import type { Boundary } from './killing.ts'
import { folder, player, type Line, type Order } from './player.ts'

/** Who writes entries of a type in these tests. A type that is new has to be given a place here, or this does not compile. */
const WRITTEN_BY: Readonly<Record<EntryType, 'desk' | 'plain'>> = {
  'run-start': 'desk',
  adopted: 'desk',
  'run-waiting': 'desk',
  'run-end': 'desk',
  'step-start': 'desk',
  'step-end': 'desk',
  'model-end': 'desk',
  code: 'desk',
  print: 'desk',
  'action-end': 'desk',
  'call-asked': 'desk',
  'tool-start': 'desk',
  'tool-again': 'desk',
  'tool-end': 'desk',
  'call-settled': 'desk',
  'agent-start': 'desk',
  'agent-end': 'desk',
  effect: 'plain',
  policy: 'desk',
  'wait-start': 'plain',
  'approval-wanted': 'desk',
  'approval-given': 'desk',
  signal: 'plain',
  'wait-end': 'desk',
  plan: 'desk',
  state: 'plain',
  budget: 'desk',
  log: 'plain',
}

const RUN = 'r1'

const GOLDEN = {
  desk: { sum: 111, all: [70, 80, 90], quick: 120, after: 130, paid: 150, helped: [430, 510], filed: 'filed' },
  plain: 'hello',
} as const

/** What stood in the log, and what had been done outside, when a process was killed. */
interface Killed {
  readonly entries: readonly Entry[]
  readonly done: Readonly<Record<string, number>>
}

interface Story {
  readonly kills: readonly Killed[]
  readonly end: Line | undefined
  readonly entries: readonly Entry[]
  readonly done: Readonly<Record<string, number>>
}

/** Runs an agent in one process after another, each killed at its boundary; the last one lives. */
async function story(agent: 'desk' | 'plain', next: (kill: number, known: readonly Entry[]) => Boundary | null): Promise<Story> {
  await using outside = await farEnd()
  const store = join(folder(), 'troupe.db')
  const kills: Killed[] = []
  let entries: readonly Entry[] = []
  for (;;) {
    const boundary = next(kills.length, entries)
    const isBegun = entries.length > 0
    const task: Order['task'] = isBegun ? { type: 'resume', run: RUN, adopt: kills.length === 2 } : { type: 'run', agent, run: RUN }
    const { signal, last, err } = await player({ store, url: outside.url, task, ...(boundary && { boundary }) }).ended
    entries = await logOf(store)
    const done = await outside.counts()
    if (signal === null) {
      expect(err).toBe('')
      return { kills, end: last, entries, done }
    }
    expect(signal).toBe('SIGKILL')
    kills.push({ entries, done })
  }
}

async function logOf(path: string): Promise<readonly Entry[]> {
  await using runtime = await openRuntime({ engine: sqlite({ path }) })
  return runtime.entries(RUN)
}

/** Effects whose outcome is in the log, by the key under which the far end counts them. */
function finished(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap((entry) => {
    if (entry.type === 'model-end') return [`${entry.run.slice(RUN.length + 1)} ${entry.key}`]
    return entry.type === 'effect' || entry.type === 'tool-end' ? [`${entry.run}:${entry.key}`] : []
  })
}

/** What every story has to be, wherever its processes were killed. */
function expectWhole({ kills, end, entries, done }: Story, output: unknown): void {
  expect(end).toEqual({ type: 'end', status: 'done', output })
  expect(repeatedKeys(entries)).toEqual([])
  for (const [at, kill] of kills.entries()) {
    expect(changedEntries(kill.entries, entries)).toEqual([])
    // What had finished is done no more: not by the next process, nor by any after that.
    const later = finished(kill.entries).map((key) => [at, key, done[key]])
    expect(later).toEqual(finished(kill.entries).map((key) => [at, key, kill.done[key]]))
  }
  // Everything was done, and more than once only as often as a kill cut it off.
  for (const key of finished(entries)) {
    const cutOff = kills.filter((kill) => !finished(kill.entries).includes(key)).length
    if (done[key] !== undefined) expect(done[key]).toBeLessThanOrEqual(1 + cutOff)
  }
}

function typesIn(entries: readonly Entry[]): readonly EntryType[] {
  return [...new Set(entries.map(({ type }) => type))].toSorted()
}

describe('a process killed by kill -9', () => {
  it.each(['desk', 'plain'] as const)('after the first entry of every type that %s writes goes on to the same answer', async (agent) => {
    const told = await story(agent, (_, known) => ({ type: 'new-type', known: typesIn(known) }))
    expectWhole(told, GOLDEN[agent])
    const expected = Object.entries(WRITTEN_BY).flatMap(([type, by]) => (by === agent ? [type] : []))
    expect(typesIn(told.entries)).toEqual(expect.arrayContaining(expected))
    // Each type was the last that its process wrote.
    for (const kill of told.kills) console.log(kill.entries.length, kill.entries.at(-1)?.type)
  }, 120_000)

  it.each([1, 2, 3, 4, 5])('at four moments that seed %i has chosen goes on to the same answer', async (seed) => {
    const random = mulberry(seed)
    const told = await story('desk', (kill) => {
      if (kill === 4) return null
      const append = 1 + Math.floor(random() * 14)
      return random() < 0.5 ? { type: 'after', append } : { type: 'before', append }
    })
    expect(told.kills.length).toBe(4)
    expectWhole(told, GOLDEN.desk)
  }, 120_000)
})
