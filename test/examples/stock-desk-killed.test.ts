import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openRuntime } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { transitionsIn, type DeskOrder } from './desk-order.ts'

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

test(
  'killed with -9 right after each transition of its machines, the desk comes to the same answer and report',
  {
    timeout: 240_000,
  },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-desk-killed-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const outDir = join(folder, 'out')
    const files = async () => Promise.all(['report.md', 'yearly-changes.svg'].map((name) => readFile(join(outDir, name), 'utf8')))

    const whole = { store: join(folder, 'whole.db'), outDir, run: 'r0whole', resumes: false }
    const golden = await played(whole)
    expect(golden).toMatchObject({ signal: null, end: { status: 'done' }, stderr: '' })
    const written = await files()
    await rm(outDir, { recursive: true })
    const goldenLog = await entriesIn(whole.store, whole.run)
    const transitions = [...new Set(transitionsIn(goldenLog))]
    expect(transitions).toHaveLength(12)

    // One run, killed in each state in turn: every process dies at the first transition that no one before it has lived to see.
    // Two that are written in one append are one place to die.
    const order = { store: join(folder, 'killed.db'), outDir, run: 'r0killed' }
    let known: readonly string[] = []
    let last = await played({ ...order, resumes: false, known })
    for (; last.signal === 'SIGKILL'; last = await played({ ...order, resumes: true, known })) {
      expect(last).toEqual({ signal: 'SIGKILL', end: null, stderr: '' })
      const seen = [...new Set(transitionsIn(await entriesIn(order.store, order.run)))]
      expect(seen.length).toBeGreaterThan(known.length)
      known = seen
    }
    expect(known).toEqual(transitions)
    expect(last).toEqual(golden)
    expect(await files()).toEqual(written)
    const log = await entriesIn(order.store, order.run)
    const count = (entries: typeof log, type: string): number => entries.filter((entry) => entry.type === type).length
    // What had been answered was not asked again, and no transition was made twice.
    for (const type of ['model-end', 'state', 'task-assigned', 'task-done', 'task-rejected'])
      expect([type, count(log, type)]).toEqual([type, count(goldenLog, type)])
  },
)
