import type { EventOf, RunEvent } from '../client/event.ts'
import { Projector } from '../engine/hub.ts'
import type { Run } from '../engine/run.ts'
import type { Runtime } from '../engine/runtime.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { assertNever } from '../util/assert-never.ts'
import { askApproval } from './ask-approval.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { note } from './output.ts'
import { onSignals, type Signals } from './signals.ts'
import type { View } from './view/view.ts'

/**
 * What becomes of an approval: the person at this terminal is asked; it is refused, because nobody can answer; or it
 * is left open for another process.
 */
export type ApprovalMode = 'ask' | 'refuse' | 'leave'

export interface FollowOptions {
  readonly runtime: Runtime
  readonly run: Run
  readonly view: View
  readonly approvals: ApprovalMode
  /** How long to stay when the run waits. Undefined: with `ask` for ever, else not at all. */
  readonly waitMs?: number
  /** By run, the last seq that was logged before: not shown again. */
  readonly known?: ReadonlyMap<string, number>
  /** Rejects when this process cannot go on with the run. */
  readonly lost?: Promise<never>
  /** How to go on after a stop, for the person who stopped it. */
  readonly resumeHint: string
}

/** Shows a run until it ends, waits for too long or is stopped from outside; gives the exit code. Throws when this process had to give it up. */
export async function follow(options: FollowOptions): Promise<number> {
  const follower = new Follower(options)
  using signals = onSignals({
    cancel: () => follower.cancel(),
    stop: (exitCode) => follower.leave(exitCode),
  })
  return await follower.follow(signals) // not before: the handlers go when this function returns
}

/** How long after parking the last events may take to come through. */
const SETTLE_MS = 100

class Follower {
  readonly #options: FollowOptions
  readonly #left = Promise.withResolvers<{ readonly exitCode: number }>()
  /** Aborted when no answer is wanted any more. */
  readonly #over = new AbortController()
  #waiting: RunEvent | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Nobody has answered in time: the run is left as soon as it waits. */
  #unanswered = false

  constructor(options: FollowOptions) {
    this.#options = options
    const over = (): void => this.#over.abort()
    options.run.then(over, over)
    this.#watchParking()
  }

  async follow(signals: Signals): Promise<number> {
    const { run, view, lost } = this.#options
    const events = run[Symbol.asyncIterator]()
    try {
      let next = events.next()
      for (;;) {
        next.catch(() => {}) // may fail after we have left
        const got = await Promise.race([next, this.#left.promise, ...(lost ? [lost] : [])])
        if ('exitCode' in got) {
          return got.exitCode
        }
        if (got.done) throw new TroupeError('internal/unreachable', `run ${run.id} told no end`)
        const exitCode = await this.#take(got.value, signals)
        if (exitCode !== undefined) return exitCode
        next = events.next()
      }
    } finally {
      clearTimeout(this.#timer)
      this.#over.abort()
      await view.settle()
    }
  }

  cancel(): void {
    this.#over.abort()
    note('cancelling; Ctrl-C again ends at once').catch(() => {})
    this.#options.run.cancel('cancelled with Ctrl-C').catch(() => {})
  }

  leave(exitCode: number): void {
    this.#over.abort()
    if (exitCode !== EXIT.waiting) note(`stopped; ${this.#options.resumeHint}`).catch(() => {})
    this.#left.resolve({ exitCode })
  }

  async #take(event: RunEvent, signals: Signals): Promise<number | undefined> {
    const { run, view, known } = this.#options
    const isRoot = event.runId === run.id
    const isNew = event.seq === undefined || event.seq > (known?.get(event.runId) ?? 0)
    if (isNew) {
      if (event.type !== 'run-waiting') this.#goesOn()
      await view.show(event)
    }
    if (event.type === 'run-end' && isRoot) return exitCodeOf(event)
    if (event.type === 'approval-wanted' && (isNew || (await this.#isOpen(event)))) {
      if (!isNew) await view.show(event)
      await this.#decide(event, signals)
    }
    if (event.type === 'run-waiting' && isRoot && isNew) this.#waits(event)
    return undefined
  }

  async #decide(wanted: EventOf<'approval-wanted'>, signals: Signals): Promise<void> {
    const { approvals, runtime, run } = this.#options
    switch (approvals) {
      case 'leave':
        return
      case 'refuse':
        await runtime.reject(run.id, wanted.callId, {
          by: 'troupe',
          reason: 'nobody can be asked: the store is memory: and there is no terminal',
        })
        return
      case 'ask':
        await this.#ask(wanted, signals)
        return
      default:
        assertNever(approvals)
    }
  }

  async #ask(wanted: EventOf<'approval-wanted'>, signals: Signals): Promise<void> {
    const { runtime, run, view, waitMs } = this.#options
    if (this.#unanswered || this.#over.signal.aborted) return
    await view.settle()
    const time = waitMs === undefined ? [] : [AbortSignal.timeout(waitMs)]
    const verdict = await askApproval(wanted, { signal: AbortSignal.any([this.#over.signal, ...time]), interrupt: signals.interrupt })
    try {
      if (verdict.type === 'approve') await runtime.approve(run.id, wanted.callId, verdict)
      else if (verdict.type === 'reject') await runtime.reject(run.id, wanted.callId, verdict)
      else if (!this.#over.signal.aborted) await this.#leaveOpen()
    } catch (error) {
      if (!TroupeError.is(error, 'run/already-decided') && !TroupeError.is(error, 'run/ended')) throw error
      await note('it was decided elsewhere meanwhile')
    }
  }

  async #leaveOpen(): Promise<void> {
    this.#unanswered = true
    await note('left open')
    if (this.#waiting) this.#waits(this.#waiting)
  }

  /** Whether an approval from before a resume still has to be decided. */
  async #isOpen({ callId }: EventOf<'approval-wanted'>): Promise<boolean> {
    const { run, runtime } = this.#options
    return (await runtime.get(run.id)).waits.some((wait) => wait.callId === callId)
  }

  #waits(event: RunEvent): void {
    const { approvals, waitMs } = this.#options
    this.#waiting = event
    clearTimeout(this.#timer)
    if (this.#unanswered || (approvals !== 'ask' && waitMs === undefined)) this.leave(EXIT.waiting)
    else if (waitMs !== undefined) this.#timer = setTimeout(() => this.leave(EXIT.waiting), waitMs)
  }

  #goesOn(): void {
    if (!this.#waiting) return
    this.#waiting = null
    clearTimeout(this.#timer)
    this.#watchParking()
  }

  /** A run that parks with the same questions as before tells no new `run-waiting`: then the one in the log is shown again. */
  #watchParking(): void {
    const { run, view } = this.#options
    const parked = async (): Promise<void> => {
      const result = await run.untilWaiting()
      if (result.status !== 'waiting') return
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      if (this.#waiting || this.#over.signal.aborted) return
      const event = await this.#recordedWaiting()
      if (!event) return
      await view.show(event)
      this.#waits(event)
    }
    parked().catch(() => {}) // why a run is given up, its events say
  }

  async #recordedWaiting(): Promise<RunEvent | null> {
    const { runtime, run } = this.#options
    const own = (await runtime.entries(run.id)).filter((entry) => entry.run === run.id)
    const projector = new Projector()
    const events = own.map((entry) => projector.project(entry))
    return events.findLast((event) => event?.type === 'run-waiting') ?? null
  }
}
