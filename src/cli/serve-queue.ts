import { QUEUE_DEFAULTS, type Performed } from '../engine/queue.ts'
import type { Runtime } from '../engine/runtime.ts'
import type { RuntimeWorker, TurnEvent, WorkOptions } from '../engine/worker.ts'
import type { TroupeError } from '../errors/troupe-error.ts'
import type { Edges } from './edges.ts'
import { EXIT } from './exit-code.ts'
import { flushOutput, note } from './output.ts'
import { onSignals } from './signals.ts'
import { errorLine } from './text.ts'
import type { WorkerLine } from './view/worker-view.ts'

export interface ServeQueueOptions {
  /** Closed at the end. */
  readonly runtime: Runtime
  readonly work: WorkOptions
  readonly graceMs: number
  readonly view: (line: WorkerLine) => Promise<void>
  /** As people know it. */
  readonly store: string
  /** What else it does, at a broker. */
  openEdges?(): Promise<Edges>
}

/** Takes runs until a signal ends it or its place in the fleet is lost; gives the exit code. Throws `queue/taken` and `amqp/refused`. */
export async function serveQueue({ runtime, work, graceMs, view, store, openEdges }: ServeQueueOptions): Promise<number> {
  const lines = new LineQueue(view)
  const over = Promise.withResolvers<'stop'>()
  using _signals = onSignals({ cancel: () => over.resolve('stop'), stop: () => over.resolve('stop') })
  const started = Promise.withResolvers<Edges | null>()
  lines.add(async () => {
    const edges = await started.promise
    const concurrency = work.concurrency ?? QUEUE_DEFAULTS.concurrency
    return { type: 'worker-start', at: now(), store, concurrency, ...(edges && { amqp: edges.told }) }
  })
  const onTurn = (event: TurnEvent): void => lines.add(() => lineOf(runtime, event))
  const [worker, edges] = await start(runtime, { ...work, onTurn }, openEdges)
  started.resolve(edges)

  const ended = await Promise.race([over.promise, worker.lost])
  if (ended !== 'stop') return exitAt(ended)
  edges?.stop(graceMs) // Before the worker: what came in now would not be begun any more.
  lines.add(async () => ({ type: 'worker-drain', at: now(), running: worker.running, graceMs }))
  const lost = await Promise.race([worker.drain(graceMs), worker.lost])
  if (lost) return exitAt(lost)
  await edges?.finish()
  await lines.settled()
  await runtime[Symbol.asyncDispose]()
  await view({ type: 'worker-end', at: now() })
  return EXIT.done
}

/** The worker first: one that the store does not take must not have taken messages. */
async function start(
  runtime: Runtime,
  options: WorkOptions,
  openEdges: ServeQueueOptions['openEdges'],
): Promise<readonly [RuntimeWorker, Edges | null]> {
  try {
    return [await runtime.work(options), (await openEdges?.()) ?? null]
  } catch (error) {
    await runtime[Symbol.asyncDispose]()
    throw error
  }
}

/** Somebody else goes on with what this process had: not a moment is spent on leaving in order. */
async function exitAt(lost: TroupeError): Promise<never> {
  await note(errorLine(lost))
  await flushOutput()
  process.exit(EXIT.failed)
}

/** What a turn looks like from outside: taken, or how its run stands now. */
async function lineOf(runtime: Runtime, event: TurnEvent): Promise<WorkerLine> {
  const { runId, agent, status, steps, usage, error, waits } = await runtime.get(event.run)
  const head = { at: now(), runId, agent }
  if (event.type === 'taken') return { type: 'run-taken', ...head, attempt: event.attempt }
  const performed = event.type === 'left' ? event.performed : null
  const isOpen = status === 'running' || status === 'waiting'
  const why = performed?.type === 'broken' ? { code: performed.error.code, message: performed.error.message } : error
  return {
    type: 'run-left',
    ...head,
    status: isOpen && performed ? openStatus(performed) : status,
    steps,
    usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, costUsd: usage.costUsd ?? null },
    error: why === null ? null : { code: why.code, message: why.message },
    ...(isOpen && waits.length > 0 && { waits }),
  }
}

/** How the queue keeps a run that has not ended. */
function openStatus(performed: Performed): 'waiting' | 'queued' | 'dead' {
  if (performed.type === 'parked') return 'waiting'
  if (performed.type !== 'broken') return 'queued'
  const { code, retryable } = performed.error
  return retryable || code === 'engine/lost-ownership' ? 'queued' : 'dead'
}

function now(): string {
  return new Date().toISOString()
}

/** Lines in the order of what they tell, though some have to be looked up first. */
class LineQueue {
  readonly #view: (line: WorkerLine) => Promise<void>
  #last: Promise<void> = Promise.resolve()

  constructor(view: (line: WorkerLine) => Promise<void>) {
    this.#view = view
  }

  add(make: () => Promise<WorkerLine>): void {
    this.#last = this.#write(this.#last, make)
  }

  settled(): Promise<void> {
    return this.#last
  }

  async #write(before: Promise<void>, make: () => Promise<WorkerLine>): Promise<void> {
    await before
    try {
      await this.#view(await make())
    } catch (error) {
      await note(errorLine(error)) // A line less: the run itself is none the worse.
    }
  }
}
