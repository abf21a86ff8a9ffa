import type { Entry } from '../client/entry.ts'
import type { AgentRef } from '../engine/context.ts'
import type { EngineAdapter } from '../engine/engine.ts'
import type { Run } from '../engine/run.ts'
import { openRuntime, type RunOptions, type Runtime } from '../engine/runtime.ts'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import { detach } from '../util/detach.ts'
import { changedEntries, firstDifference, repeatedKeys } from './compare-logs.ts'
import { CrashingEngine, ReplayEngine } from './crashing-store.ts'

/** A scripted run to be interrupted everywhere. Its agent must give the same answers to the same prompts. */
export interface CrashCase {
  /** Makes the agent anew, as a new process would. */
  readonly agent: () => AgentRef
  readonly task: string
  readonly options?: RunOptions
  /** A fresh store for each trial. */
  readonly engine: () => EngineAdapter
  /** What a person does when the run waits. Default: approves everything. */
  readonly whenWaiting?: (runtime: Runtime, runId: string) => Promise<void>
  /** Whether calls run one after the other, so that every crash must give the log of a run without one. Default false. */
  readonly isSequential?: boolean
  /** For long logs: a crash after the first append and after every so many more. Default 1: after each. */
  readonly every?: number
  /** Each trial must end in this time. Default 20,000. */
  readonly timeoutMs?: number
}

/** What the crash runner saw. `faults` is empty when every crash was survived. */
export interface CrashReport {
  /** How the run ends without a crash, as JSON text. */
  readonly end: string
  /** Appends of the run without a crash: a crash was made after each but the last, or after those that `every` says. */
  readonly appends: number
  readonly faults: readonly string[]
}

interface Golden {
  readonly end: string
  readonly entries: readonly Entry[]
  readonly appends: number
}

/**
 * Runs a case once whole, then once for each append of its log: stopped right after it, in process, as kill -9 would,
 * and resumed by a new runtime with a new agent. After each crash: the same end, no finished key run again, and the
 * finished log replayed alone gives the same end without writing or doing anything.
 */
export async function crashEverywhere(test: CrashCase): Promise<CrashReport> {
  const golden = await runWhole(test)
  const faults: string[] = []
  for (let crashAfter = 1; crashAfter < golden.appends; crashAfter += test.every ?? 1) {
    const found = await crashOnce(test, golden, crashAfter).catch((error: unknown) => [messageOf(error)])
    faults.push(...found.map((fault) => `crash after append ${crashAfter} of ${golden.appends}: ${fault}`))
  }
  return { end: golden.end, appends: golden.appends, faults }
}

async function runWhole(test: CrashCase): Promise<Golden> {
  const engine = new CrashingEngine(test.engine(), Infinity)
  await using runtime = await openRuntime({ engine, parkAfterMs: 0 })
  const run = runtime.run(test.agent(), test.task, test.options)
  const end = await untilEnd(test, runtime, run)
  return { end, entries: await runtime.entries(run.id), appends: engine.appends }
}

async function crashOnce(test: CrashCase, golden: Golden, crashAfter: number): Promise<readonly string[]> {
  const store = test.engine()
  const crashing = new CrashingEngine(store, crashAfter)
  const dying = await openRuntime({ engine: crashing, parkAfterMs: 0 })
  const begun = dying.run(test.agent(), test.task, test.options)
  // Parallel calls may need fewer appends than in the first run; then this one ends before its crash.
  const survived = await within(
    test,
    'the crash',
    Promise.race([crashing.crashed.then(() => false), untilEnd(test, dying, begun).then(() => true)]),
  )
  detach(dying[Symbol.asyncDispose]()) // Never settles, its store is dead; but its sandboxes would stay as long as this process.
  await crashing.bury()
  if (survived) return []

  await using runtime = await openRuntime({ engine: store, agents: [test.agent()], parkAfterMs: 0 })
  const atCrash = await runtime.entries(begun.id)
  const end = await untilEnd(test, runtime, runtime.resume(begun.id))
  const entries = await runtime.entries(begun.id)
  return [
    ...(end === golden.end ? [] : [`ended with ${end} instead of ${golden.end}`]),
    ...changedEntries(atCrash, entries),
    ...repeatedKeys(entries),
    ...(test.isSequential ? firstDifference(golden.entries, entries) : []),
    ...(await replayAlone(test, entries)),
  ]
}

/** The end of a run as text that can be compared; answers what it asks on the way. */
async function untilEnd(test: CrashCase, runtime: Runtime, run: Run): Promise<string> {
  const answer = test.whenWaiting ?? approveAll
  const deadline = Date.now() + (test.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  while (Date.now() < deadline) {
    const state = await within(test, 'the end of the run', stateOf(run))
    if (state !== 'waiting') return state
    await answer(runtime, run.id)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new TroupeError('engine/closed', `the run still waits after ${test.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms`)
}

async function stateOf(run: Run): Promise<string> {
  try {
    const result = await run.untilWaiting()
    if (result.status === 'waiting') return 'waiting'
    return JSON.stringify({ status: result.status, output: 'output' in result ? result.output : null })
  } catch (error) {
    return JSON.stringify({ status: 'failed', error: TroupeError.wrap(error, 'agent/failed').code })
  }
}

/** Says yes to every open question of a run's tree; one that was decided meanwhile is no fault. */
export async function approveAll(runtime: Runtime, runId: string): Promise<void> {
  const { waits } = await runtime.get(runId)
  for (const { callId, reason } of waits) {
    if (reason !== 'approval' && reason !== 'unknown-outcome') continue
    try {
      await runtime.approve(runId, callId, { by: 'crash runner' })
    } catch (error) {
      if (!TroupeError.is(error, 'run/already-decided') && !TroupeError.is(error, 'run/not-waiting')) throw error
    }
  }
}

/** Replays a finished log, without its last entry, in a store that refuses every append: that entry is all it may write. */
async function replayAlone(test: CrashCase, entries: readonly Entry[]): Promise<readonly string[]> {
  const root = entries[0]?.run ?? ''
  const expected = entries.find((entry) => entry.run === root && entry.type === 'run-end')
  const engine = new ReplayEngine(
    test.engine().effects,
    entries.filter((entry) => entry !== expected),
  )
  const runtime = await openRuntime({ engine, agents: [test.agent()], parkAfterMs: 0 })
  const resumed = runtime.resume(root)
  const written = await within(test, 'the end of the replay', Promise.race([engine.wrote, stateOf(resumed).then((state) => state)]))
  detach(runtime[Symbol.asyncDispose]())
  const [end] = typeof written === 'string' ? [] : written
  if (end && JSON.stringify(end.body) === JSON.stringify(expected?.body)) return []
  const what =
    typeof written === 'string' ? written : written.map((entry) => `${entry.type} ${entry.key} ${JSON.stringify(entry.body)}`).join(', ')
  return [`replayed alone it came to ${what}`]
}

const DEFAULT_TIMEOUT_MS = 20_000

async function within<T>(test: CrashCase, what: string, work: Promise<T>): Promise<T> {
  const timeoutMs = test.timeoutMs ?? DEFAULT_TIMEOUT_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TroupeError('engine/closed', `${what} did not come within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
