import type { EntryBodies } from '../client/entry.ts'
import type { RunEvent } from '../client/event.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { AsyncQueue } from '../util/async-queue.ts'
import { decode } from '../util/codec.ts'
import { Projector } from './hub.ts'
import type { Run, RunResult, WaitingResult } from './run.ts'
import type { Driven } from './driven.ts'
import { viewOf } from './run-view.ts'

/** The handle of a run that this process drives. */
export function runHandle<Output>(driver: Driven): Run<Output> {
  const result = driver.ended.then((end) => resultOf<Output>(driver.runId, end))
  result.catch(() => {})
  return {
    id: driver.runId,
    then: (onDone, onFailed) => result.then(onDone, onFailed),
    cancel: (reason = 'cancelled by the caller') => driver.cancel(new TroupeError('run/cancelled', reason)),
    untilWaiting: () => Promise.race([result, driver.parked.then(() => waitingOf(driver))]),
    [Symbol.asyncIterator]: () => eventsOf(driver)[Symbol.asyncIterator](),
  }
}

/** All events of a driven tree: those in the log after `after` (of the root), then those that come, up to `run-end`. */
export async function* eventsOf(driver: Driven, after: number = 0): AsyncGenerator<RunEvent, void, undefined> {
  const queue = new AsyncQueue<RunEvent>()
  const unsubscribe = driver.hub.subscribe((event) => queue.push(event))
  driver.ended.then(
    () => queue.end(),
    (error) => queue.end(error),
  )
  try {
    const projector = new Projector()
    const told = new Map<string, number>()
    for (const entry of await driver.entries()) {
      told.set(entry.run, entry.seq)
      const event = projector.project(entry)
      if (event && !(entry.run === driver.runId && entry.seq <= after)) yield event
    }
    told.set(driver.runId, Math.max(after, told.get(driver.runId) ?? 0))
    for await (const event of queue) {
      if (event.seq !== undefined && event.seq <= (told.get(event.runId) ?? 0)) continue
      yield event
    }
  } finally {
    unsubscribe()
  }
}

async function waitingOf(driver: Driven): Promise<WaitingResult> {
  const { runId, usage, steps, waits } = viewOf(driver.runId, await driver.entries())
  return { status: 'waiting', runId, usage, steps, waits }
}

function resultOf<Output>(runId: string, end: EntryBodies['run-end']): RunResult<Output> {
  const { status, usage, steps, error } = end
  const output = end.output === undefined ? null : decode(JSON.stringify(end.output))
  if (status === 'failed') throw error ? TroupeError.from(error) : new TroupeError('agent/failed', `run ${runId} failed without an error`)
  if (status === 'done') return { status, runId, usage, steps, output: output as Output }
  if (status === 'limit') return { status, runId, usage, steps, output, error: error ?? null }
  return { status, runId, usage, steps, error: error ?? null }
}
