import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { isEntry } from '../../src/client/entry.ts'
import type { EngineAdapter } from '../../src/engine/engine.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite, type SqliteOptions } from '../../src/engine/sqlite/sqlite.ts'
import { type Limits, limitsOf } from '../../src/sandbox/limits.ts'
import { quickjs, type QuickJsOptions } from '../../src/sandbox/quickjs/quickjs.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { approveAll, crashEverywhere } from '../../src/testing/crash-runner.ts'
import { snapshotAgent, watched } from './snapshot-agent.ts'
import { onlyWhenAllAsked } from '../services.ts'

const top = mkdtempSync(join(tmpdir(), 'troupe-snapshot-runs-'))
afterAll(() => rmSync(top, { recursive: true, force: true }))
let path = ''
beforeEach(() => {
  path = join(mkdtempSync(join(top, 's-')), 'troupe.db')
})

interface Parked {
  readonly run: string
  readonly seen: readonly string[]
  readonly done: readonly string[]
}

/** Runs until the approval is asked for and the run is parked, as one process would. */
async function park(engine: Partial<SqliteOptions> = {}, options: QuickJsOptions = {}): Promise<Parked> {
  const [seen, done]: [string[], string[]] = [[], []]
  await using sandbox = quickjs(options)
  await using runtime = await openRuntime({ engine: sqlite({ path, ...engine }), parkAfterMs: 0 })
  const run = runtime.run(snapshotAgent(watched(sandbox, seen), done), 'Burn.')
  expect(await run.untilWaiting()).toMatchObject({ status: 'waiting' })
  return { run: run.id, seen, done }
}

interface Ended {
  readonly status: string
  readonly output: unknown
  readonly seen: readonly string[]
  readonly done: readonly string[]
  readonly prints: readonly string[]
}

/** Goes on with it, as the next process would. */
async function goOn(
  run: string,
  engine: Partial<SqliteOptions> = {},
  change: (sandbox: Sandbox) => Sandbox = (same) => same,
): Promise<Ended> {
  const [seen, done]: [string[], string[]] = [[], []]
  await using sandbox = quickjs()
  const agent = snapshotAgent(watched(change(sandbox), seen), done)
  await using runtime = await openRuntime({ engine: sqlite({ path, ...engine }), agents: [agent], parkAfterMs: 0 })
  const handle = runtime.resume(run)
  await approveAll(runtime, run)
  const result = await handle
  await using store = await sqlite({ path }).open()
  const prints = (await store.read(run)).flatMap((entry) => (isEntry(entry, 'print') ? [entry.body.text] : []))
  return { status: result.status, output: result.status === 'done' ? result.output : null, seen, done, prints }
}

const files = (): string[] => (existsSync(`${path}.snapshots`) ? readdirSync(`${path}.snapshots`, { recursive: true }).map(String) : [])
const snapshotFile = (run: string): string => join(`${path}.snapshots`, run, run)

const LEFT_TO_DO = ['deploy x', 'deploy y']
const OUTPUT = /^12,deployed x,deployed y,\d+,true:\d+$/
const REPLAYED = ['opened', 'execute 1', 'execute 2', 'execute 3']
const RESTORED = ['restored', 'resume', 'execute 3']

/** The run without any snapshot. */
async function replayedOutput(): Promise<Ended> {
  const { run } = await park({ snapshotKey: false })
  expect(files()).toEqual([])
  return goOn(run, { snapshotKey: false })
}

describe('a parked run whose code burnt CPU', () => {
  it('is kept as a sealed snapshot, and goes on from it with the same prints, calls and answer as by replay', async () => {
    const parked = await park()
    expect(parked.seen).toEqual(['opened', 'execute 1', 'execute 2', 'snapshot'])
    expect(statSync(snapshotFile(parked.run)).mode & 0o777).toBe(0o600)
    expect(statSync(`${path}.key`).mode & 0o777).toBe(0o600)
    const restored = await goOn(parked.run)
    expect(restored.seen.filter((word) => !word.includes('snapshot'))).toEqual(RESTORED)
    expect(restored.output).toMatch(OUTPUT)
    expect(restored.done.toSorted()).toEqual(LEFT_TO_DO)
    expect(restored.prints).toEqual(['first 11', 'asking', 'early 12', 'asked'])
    expect(files(), 'deleted at the end of its run').toEqual([])
  })

  it('gives what a replay gives', async () => {
    const replayed = await replayedOutput()
    expect(replayed.seen.filter((word) => !word.includes('snapshot'))).toEqual(REPLAYED)
    expect(replayed.output).toMatch(OUTPUT)
    expect(replayed.prints).toEqual(['first 11', 'asking', 'early 12', 'asked'])
  })

  it('goes on from it in another process', async () => {
    const script = new URL('snapshot-process.ts', import.meta.url).pathname
    const inProcess = async (...args: string[]): Promise<Ended & { run: string }> =>
      JSON.parse((await promisify(execFile)(process.execPath, [script, path, ...args])).stdout) as Ended & { run: string }
    const parked = await inProcess()
    expect(parked).toMatchObject({ status: 'waiting', seen: ['opened', 'execute 1', 'execute 2', 'snapshot'] })
    const { status, output, seen, done } = await inProcess(parked.run)
    expect({ status, restored: seen.slice(0, 2), executed: seen.filter((word) => word.startsWith('execute')) }).toEqual({
      status: 'done',
      restored: ['restored', 'resume'],
      executed: ['execute 3'],
    })
    expect(output).toMatch(OUTPUT)
    expect(done.toSorted()).toEqual(LEFT_TO_DO)
    expect(files()).toEqual([])
  })

  it('goes on from it when more was answered and logged after it was taken', async () => {
    const { run } = await park()
    const kept = readFileSync(snapshotFile(run))
    const [seen, done]: [string[], string[]] = [[], []]
    {
      await using sandbox = quickjs({ snapshotAfterMs: Infinity })
      const agent = snapshotAgent(watched(sandbox, seen), done)
      await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [agent], parkAfterMs: 0 })
      const handle = runtime.resume(run)
      const { waits } = await runtime.get(run)
      await runtime.approve(run, waits[0]?.callId ?? '', { by: 'one' })
      while ((await runtime.get(run)).waits.length > 1 || done.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      await handle.untilWaiting()
    }
    expect(done).toEqual(['deploy x'])
    expect(readFileSync(snapshotFile(run)).equals(kept)).toBe(true)
    const restored = await goOn(run)
    expect(restored.seen.slice(0, 2)).toEqual(['restored', 'resume'])
    expect(restored.output).toMatch(OUTPUT)
    expect(restored.done).toEqual(['deploy y'])
  })

  const FAULTS: readonly (readonly [string, (run: string) => void, Partial<SqliteOptions>?])[] = [
    ['tampered with', (run) => flip(snapshotFile(run), 1_000)],
    ['cut', (run) => writeFileSync(snapshotFile(run), readFileSync(snapshotFile(run)).subarray(0, 5_000))],
    ['empty', (run) => writeFileSync(snapshotFile(run), '')],
    ['gone', (run) => rmSync(snapshotFile(run))],
    ['sealed with another key', () => rmSync(`${path}.key`)],
    ['of a store that takes none any more', () => {}, { snapshotKey: false }],
  ]
  for (const [what, harm, engine] of FAULTS)
    it(`is replayed where the snapshot is ${what}, with the same answer`, async () => {
      const { run } = await park()
      harm(run)
      const ended = await goOn(run, engine)
      expect(ended.seen.filter((word) => !word.includes('snapshot'))).toEqual(REPLAYED)
      expect(ended).toMatchObject({
        status: 'done',
        output: expect.stringMatching(OUTPUT) as string,
        done: expect.arrayContaining(LEFT_TO_DO) as string[],
      })
      expect(ended.prints).toEqual(['first 11', 'asking', 'early 12', 'asked'])
    })

  it('is replayed where the snapshot is of another version, machine or limits: it is refused', async () => {
    const other = (sandbox: Sandbox, change: (key: string) => string, limits?: Limits): Sandbox => ({
      ...sandbox,
      open: (options) =>
        sandbox.open({
          ...options,
          ...(limits && { limits }),
          ...(options.snapshot && { snapshot: { ...options.snapshot, key: change(options.snapshot.key) } }),
        }),
    })
    for (const change of [
      (sandbox: Sandbox) => other(sandbox, (key) => `${key.slice(1)}x`),
      (sandbox: Sandbox) => other(sandbox, (key) => key, limitsOf({ memoryMb: 128 })),
    ]) {
      const { run } = await park()
      const ended = await goOn(run, {}, change)
      expect(ended.seen.filter((word) => !word.includes('snapshot'))).toEqual(['refused', ...REPLAYED])
      expect(ended).toMatchObject({ status: 'done', output: expect.stringMatching(OUTPUT) as string })
      expect(ended.done.toSorted()).toEqual(LEFT_TO_DO)
    }
  })

  it('is replayed where the session dies that was restored', async () => {
    const { run } = await park()
    const dying = (sandbox: Sandbox): Sandbox => ({
      ...sandbox,
      async open(options) {
        const session = await sandbox.open(options)
        if (options.snapshot !== undefined) setTimeout(() => void session[Symbol.asyncDispose](), 5)
        return session
      },
    })
    const ended = await goOn(run, {}, dying)
    expect(ended).toMatchObject({ status: 'done', output: expect.stringMatching(OUTPUT) as string })
    expect(ended.done.toSorted()).toEqual(LEFT_TO_DO)
  })

  it('parks all the same where the snapshot cannot be written', async () => {
    writeFileSync(`${path}.snapshots`, 'a file where the folder should be')
    const { run, seen } = await park()
    expect(seen.at(-1)).toBe('snapshot')
    const ended = await goOn(run)
    expect(ended.seen.filter((word) => !word.includes('snapshot'))).toEqual(REPLAYED)
    expect(ended.output).toMatch(OUTPUT)
  })

  it('is not kept where its code burnt little, or where there is no key', async () => {
    expect((await park({}, { snapshotAfterMs: 60_000 })).seen.at(-1)).toBe('no snapshot')
    expect((await park({ snapshotKey: false })).seen).toEqual(['opened', 'execute 1', 'execute 2'])
    expect(files()).toEqual([])
  })

  it('is forgotten with its run: cancelled by another process, or dropped', async () => {
    for (const end of ['cancel', 'drop'] as const) {
      const { run } = await park()
      expect(files().length).toBe(2)
      const engine = sqlite({ path })
      if (end === 'cancel') {
        await using runtime = await openRuntime({ engine })
        await runtime.cancel(run)
      } else {
        await using store = await engine.open()
        await store.drop(run)
      }
      expect(files()).toEqual([])
    }
  })

  it('survives a crash after every entry', async (context) => {
    onlyWhenAllAsked(context)
    await using sandbox = quickjs({ snapshotAfterMs: 0 })
    const engine = (): EngineAdapter => sqlite({ path: join(mkdtempSync(join(top, 'c-')), 'troupe.db') })
    const report = await crashEverywhere({ agent: () => snapshotAgent(sandbox, [], 1_000), task: 'Burn.', engine })
    expect(report.faults).toEqual([])
  }, 60_000)
})

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}
