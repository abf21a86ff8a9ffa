/** `kill -9` at a boundary of every type of entry: real processes, effects counted by another. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Entry, EntryType } from '../../src/client/entry.ts'
import { expectWhole, story } from './story.ts'
import { onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

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
  'task-assigned': 'plain',
  'task-done': 'plain',
  'task-rejected': 'plain',
  budget: 'desk',
  log: 'plain',
}

const OUTPUT = {
  desk: { sum: 111, all: [70, 80, 90], quick: 120, after: 130, paid: 150, helped: [430, 510], filed: 'filed' },
  plain: 'hello',
} as const

function typesIn(entries: readonly Entry[]): readonly EntryType[] {
  return [...new Set(entries.map(({ type }) => type))].toSorted()
}

describe('a process killed by kill -9', () => {
  it.each(['desk', 'plain'] as const)(
    'after the first entry of every type that %s writes goes on to the same answer',
    async (agent) => {
      const told = await story({ agent, next: (_, known) => ({ type: 'new-type', known: typesIn(known) }) })
      expectWhole(told, OUTPUT[agent])
      // No type came without a kill, so each was met by one, alone or with others of the same append.
      const expected = Object.entries(WRITTEN_BY).flatMap(([type, by]) => (by === agent ? [type] : []))
      expect(typesIn(told.kills.at(-1)?.entries ?? [])).toEqual(expect.arrayContaining(expected))
      expect(told.kills.length).toBeGreaterThan(expected.length - 6)
    },
    300_000,
  )
})
