import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { transitionsIn, type DeskOrder } from './desk-order.ts'
import { onlyWhenAllAsked } from '../services.ts'

beforeEach(onlyWhenAllAsked)

const PROCESS = join(import.meta.dirname, 'desk-process.ts')

interface Played {
  readonly signal: string | null
  readonly end: unknown
  readonly stderr: string
}

async function played(order: DeskOrder): Promise<Played> {
  const child = spawn(process.execPath, [PROCESS, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { signal, end: stdout === '' ? null : (JSON.parse(stdout) as unknown), stderr }
}

async function entriesIn(store: string, run: string) {
  await using runtime = await openRuntime({ engine: sqlite({ path: store }) })
  return runtime.entries(run)
}

const FILES = ['report.md', 'yearly-changes.svg']

/** The files of an output folder, by name; empty where there is none. */
async function filesIn(outDir: string): Promise<Readonly<Record<string, string>>> {
  const read = await Promise.all(FILES.map(async (name) => [name, await readFile(join(outDir, name), 'utf8').catch(() => '')] as const))
  return Object.fromEntries(read)
}

interface Survived {
  readonly end: unknown
  readonly transitions: readonly string[]
  readonly files: Readonly<Record<string, string>>
}

/**
 * Plays a team whole, then once more, killed in each state in turn: every process dies at the first transition that no one
 * before it has lived to see. Two that are written in one append are one place to die.
 */
async function survives(team: DeskOrder['team'], folder: string): Promise<Survived> {
  const outDir = join(folder, 'out')
  const whole: DeskOrder = { team, store: join(folder, 'whole.db'), outDir, run: 'r0whole', resumes: false }
  const golden = await played(whole)
  expect(golden).toMatchObject({ signal: null, stderr: '' })
  const files = await filesIn(outDir)
  await rm(outDir, { recursive: true, force: true })
  const goldenLog = await entriesIn(whole.store, whole.run)
  const transitions = [...new Set(transitionsIn(goldenLog))]

  const order: DeskOrder = { ...whole, store: join(folder, 'killed.db'), run: 'r0killed' }
  let known: readonly string[] = []
  let last = await played({ ...order, known })
  for (; last.signal === 'SIGKILL'; last = await played({ ...order, resumes: true, known })) {
    expect(last).toEqual({ signal: 'SIGKILL', end: null, stderr: '' })
    const seen = [...new Set(transitionsIn(await entriesIn(order.store, order.run)))]
    expect(seen.length).toBeGreaterThan(known.length)
    known = seen
  }
  expect(known).toEqual(transitions)
  expect(last).toEqual(golden)
  expect(await filesIn(outDir)).toEqual(files)
  const log = await entriesIn(order.store, order.run)
  const count = (entries: typeof log, type: string): number => entries.filter((entry) => entry.type === type).length
  // What had been answered was not asked again, and no transition was made twice.
  for (const type of ['model-end', 'state', 'task-assigned', 'task-done', 'task-rejected'])
    expect([type, count(log, type)]).toEqual([type, count(goldenLog, type)])
  return { end: golden.end, transitions, files }
}

describe(
  'killed with -9 right after each transition of its machines and resumed, a team comes to the same end',
  { timeout: 240_000 },
  () => {
    async function ownFolder(): Promise<string> {
      const folder = await mkdtemp(join(tmpdir(), 'troupe-desk-killed-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      return folder
    }

    test('the stock desk, with the same report and chart', async () => {
      const { end, transitions, files } = await survives('desk', await ownFolder())
      expect(end).toMatchObject({ status: 'done', output: { best: { symbol: 'AAPL', year: 2004 } } })
      expect(transitions).toHaveLength(12)
      expect(files).toEqual({ 'report.md': expect.stringContaining('August 2004'), 'yearly-changes.svg': expect.stringContaining('<svg') })
    })

    test('one that plans anew and waits for a person', async () => {
      const { end, transitions } = await survives('detours', await ownFolder())
      expect(end).toMatchObject({ status: 'done', output: 42 })
      const ways = ['working → replanning', 'replanning → working', 'working → waiting', 'waiting → working'].map((way) => `run: ${way}`)
      expect(transitions).toEqual(expect.arrayContaining([...ways, 'task: validating → rejected']))
    })

    test('one that meets its cap', async () => {
      const { end, transitions } = await survives('limit', await ownFolder())
      expect(end).toMatchObject({ status: 'limit', error: { message: expect.stringContaining('wrong (rejected)') } })
      expect(transitions.at(-1)).toMatch(/ → limit$/)
    })
  },
)
