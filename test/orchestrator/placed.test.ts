import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memory } from '../../src/engine/memory/memory.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { openRuntime, queued, team, tool, type Agent, type Planning } from '../../src/index.ts'
import { coder, ended } from './support.ts'

const root = mkdtempSync(join(tmpdir(), 'troupe-team-'))
afterAll(() => rmSync(root, { recursive: true }))

const gauge = tool({ name: 'gauge', description: 'Reads.', effect: 'read', input: z.object({}), run: () => ({ mm: 840 }) })

/** A team of a reader and a writer; the reader is where `place` puts it. */
function desk(place: (reader: Agent<unknown, 'reader'>) => Agent<unknown, 'reader'>) {
  const reader = coder(
    'reader',
    ["const { mm } = await gauge({})\nfinalAnswer({ output: mm, evidence: [{ ref: 'gauge#1', quote: '840' }] })"],
    {
      tools: [gauge],
    },
  )
  const writer = coder('writer', ["finalAnswer({ output: `${rain} mm`, evidence: [{ ref: 'inputs.rain', quote: '840' }] })"])
  return team({
    name: 'desk',
    description: 'Reports.',
    agents: [place(reader), writer],
    architect: ({ tasks }): Planning<'reader' | 'writer'> =>
      tasks.length > 0
        ? { done: true }
        : {
            tasks: [
              { id: 'rain', owner: 'reader', objective: 'Read the gauge.' },
              { id: 'report', owner: 'writer', objective: 'Write it down.', inputs: ['rain'], produces: ['answer'] },
            ],
          },
  })
}

describe('a team with a member in the queue', () => {
  it.each(['memory', 'sqlite'])(
    'comes to the same answer as with all of them here, evidence checked where it was found (%s)',
    async (store) => {
      const here = await ended(desk((reader) => reader).run('How much?'))
      expect(here).toMatchObject({ status: 'done', output: '840 mm' })
      const engine = store === 'memory' ? memory() : sqlite({ path: join(root, 'a.db') })
      const spread = desk(queued)
      await using runtime = await openRuntime({ engine, agents: [spread], parkAfterMs: 0 })
      await runtime.work({ concurrency: 1 })
      const id = await runtime.enqueue(spread, 'How much?')
      expect(await ended(runtime.follow(id))).toEqual(here)
    },
  )
})
