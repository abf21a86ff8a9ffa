import { TroupeError } from '../../errors/troupe-error.ts'
import type { Answer, ExecuteOptions, Frame, OpenOptions, SandboxSession, Snapshot } from '../sandbox.ts'
import { encode } from '../../util/codec.ts'
import { openEnvelope, packEnvelope } from '../../util/envelope.ts'
import { FrameStream } from '../frame-stream.ts'
import { DEADLOCK, type Outcome, outcomeOf, overrunOutcome } from './outcome.ts'
import type { Pool } from './pool.ts'
import type { Defences, Report, Setup } from './protocol.ts'
import type { Thread, TurnOwner } from './thread.ts'
import { readTurn, readTurnUnchecked, type StepCounts } from './turn.ts'

type CallFrame = Extract<Frame, { type: 'call' }>

/** How the running step of a kept session stood, as the host saw it. */
interface KeptStep {
  readonly calls: number
  readonly fuel: number
  readonly open: readonly CallFrame[]
}

let lastId = 0

/** The step that runs. */
interface Step {
  readonly stream: FrameStream
  readonly counts: StepCounts
  /** Calls that the guest still waits for: one is taken off when the turn that follows its answer has been reported. */
  readonly open: Map<number, CallFrame>
  /** Calls whose answer is on its way to the guest, in order. */
  readonly answering: number[]
  readonly release: () => void
  /** How it ended, kept back until no call is open. */
  outcome: Outcome | null
  hasReturned: boolean
  hasBegun: boolean
  fuel: number
}

/** Of the copies of a session. */
export interface Keeping {
  /** Says what a copy must be of to be restored here. */
  key(): string
  /** CPU milliseconds that make one worth it. */
  readonly afterMs: number
}

/** What a session's interpreter is told of its tools, its context and its limits: JSON of `Setup`. */
export function setupOf({ tools, limits, context }: OpenOptions): string {
  const setup: Setup = {
    tools: tools.map(({ name, parameters, signature }) => ({ name, parameters, signature })),
    context: encode(context),
    maxCalls: limits.maxCalls,
    maxInFlight: limits.maxInFlight,
    answerBytes: limits.answerBytes,
    outputBytes: limits.outputBytes,
  }
  return JSON.stringify(setup)
}

/** One session as its host sees it. The interpreter is made at the first step, in the thread that is free then. */
export class QuickJsSession implements SandboxSession, TurnOwner {
  readonly id: number = ++lastId
  readonly turnMs: number
  readonly #pool: Pool
  readonly #options: OpenOptions
  readonly #defences: Defences
  readonly #setup: string
  readonly #tools: ReadonlySet<string>
  readonly #stopFlag = new Int32Array(new SharedArrayBuffer(4))
  #thread: Thread | null = null
  #step: Step | null = null
  #closed: TroupeError | null = null
  readonly #keeping: Keeping
  /** How the step stood that `resume` goes on with. */
  #past: KeptStep | null = null

  constructor(pool: Pool, options: OpenOptions, defences: Defences, keeping: Keeping) {
    const { tools, limits } = options
    this.#pool = pool
    this.#keeping = keeping
    this.#options = options
    this.#defences = defences
    this.turnMs = limits.timeoutMs
    this.#tools = new Set(tools.map(({ name }) => name))
    this.#setup = setupOf(options)
  }

  /** A session that goes on where a copy was made. Throws `sandbox/snapshot-refused`; `key` is what copies must be of. */
  static async restore(
    pool: Pool,
    options: OpenOptions,
    defences: Defences,
    keeping: Keeping,
    snapshot: Snapshot,
  ): Promise<QuickJsSession> {
    if (snapshot.key !== keeping.key()) throw refused('it is of another version or machine, or of other limits, tools or values')
    const opened = openEnvelope(snapshot.blob)
    if (opened === null) throw refused('it is damaged')
    const session = new QuickJsSession(pool, options, defences, keeping)
    const thread = pool.place()
    session.#thread = thread
    const { limits } = options
    const error = await thread.restore(session, { limits, setup: session.#setup, stop: session.#stopFlag, image: opened.body })
    if (error !== null) {
      session.#close(closedError('it was not restored'))
      throw refused(error)
    }
    session.#past = (opened.header as { step: KeptStep | null }).step
    return session
  }

  execute(code: string, { step, signal, clock, seed }: ExecuteOptions): AsyncIterable<Frame> {
    return this.#begin(signal, null, () => this.#enter().send(this, { type: 'execute', id: this.id, step, code, clock, seed }))
  }

  resume({ signal }: Partial<Pick<ExecuteOptions, 'signal'>> = {}): AsyncIterable<Frame> {
    const past = this.#past
    this.#past = null
    if (past === null)
      throw new TroupeError(
        'internal/unreachable',
        'this sandbox session was not restored in the middle of a step: there is nothing to resume',
      )
    return this.#begin(signal ?? new AbortController().signal, past, (step) => {
      for (const frame of past.open) step.stream.push(frame)
      step.stream.push({ type: 'idle' })
    })
  }

  #begin(signal: AbortSignal, past: KeptStep | null, enter: (step: Step) => void): AsyncIterable<Frame> {
    const stream = new FrameStream(() => this.#close(closedError('its step was left before it ended')))
    if (this.#step !== null) {
      stream.fail(new TroupeError('internal/unreachable', 'a sandbox session runs one step at a time: the last one has not ended'))
      return stream
    }
    const onAbort = (): void =>
      this.#close(
        new TroupeError('sandbox/closed', 'the sandbox session is closed: its step was cancelled', {
          retryable: false,
          cause: signal.reason,
        }),
      )
    const counts: StepCounts = {
      limits: this.#options.limits,
      tools: this.#tools,
      calls: past?.calls ?? 0,
      inFlight: past?.open.length ?? 0,
    }
    const begun: Step = {
      stream,
      counts,
      open: new Map(past?.open.map((frame) => [frame.call, frame])),
      answering: [],
      release: () => signal.removeEventListener('abort', onAbort),
      outcome: null,
      hasReturned: false,
      hasBegun: past !== null,
      fuel: past?.fuel ?? 0,
    }
    this.#step = begun
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    if (this.#closed !== null) {
      this.#leave((open) => open.stream.fail(this.#closed))
      return stream
    }
    try {
      enter(begun)
    } catch (error) {
      this.#close(TroupeError.wrap(error, 'sandbox/closed'))
    }
    return stream
  }

  reply(call: number, answer: Answer): void {
    const step = this.#step
    // The stream has already said that the session is gone; an answer that was under way is simply late.
    if (step === null) return
    if (!step.open.has(call) || step.answering.includes(call))
      throw new TroupeError('internal/unreachable', `there is no open call ${call} in this sandbox session`)
    if (step.outcome?.muted) {
      step.open.delete(call)
      this.#settleEnd(step, step.outcome)
      return
    }
    step.answering.push(call)
    const { ok, text } = this.#answerText(call, answer)
    this.#thread?.send(this, { type: 'reply', id: this.id, call, ok, text })
  }

  async snapshot(): Promise<Snapshot | null> {
    const step = this.#step
    if (this.#thread === null || this.#closed !== null || this.#past !== null) return null
    if (step !== null && (step.answering.length > 0 || !step.hasBegun || step.outcome !== null)) return null
    // Taken down before anything is awaited: an answer that comes meanwhile is a turn after the copy.
    const open = [...(step?.open.values() ?? [])].map(({ type, call, tool, args }) => ({ type, call, tool, args }))
    const kept = step === null ? null : { calls: step.counts.calls, fuel: step.fuel, open }
    const image = await this.#thread.keep(this, this.#keeping.afterMs)
    if (image === null) return null
    return { key: this.#keeping.key(), blob: packEnvelope({ step: kept }, image) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(closedError('it was disposed of'))
  }

  report(report: Report): void {
    const step = this.#step
    if (step === null) return
    step.fuel = report.fuel
    if (step.hasBegun) this.#answered(step)
    step.hasBegun = true
    try {
      const read = this.#defences.validFrames ? readTurn : readTurnUnchecked
      const { frames, state } = report.text === '' ? { frames: [], state: null } : read(report.text, step.counts)
      for (const frame of frames) {
        if (frame.type === 'call') step.open.set(frame.call, frame)
        step.stream.push(frame)
      }
      const outcome = outcomeOf(report, state, this.#options.limits) ?? (step.open.size === 0 ? DEADLOCK : null)
      if (outcome === null) step.stream.push({ type: 'idle' })
      else this.#settleEnd(step, outcome)
    } catch (error) {
      this.#close(TroupeError.wrap(error, 'sandbox/bad-frame'))
    }
  }

  overran(): void {
    this.#thread = null
    const step = this.#step
    if (step === null) return
    const outcome = overrunOutcome(this.#options.limits)
    // Answers that were under way reached nobody, and each is owed an `idle` or the `end`.
    do {
      this.#answered(step)
      this.#settleEnd(step, outcome)
    } while (step.answering.length > 0)
  }

  lost(error: TroupeError): void {
    this.#thread = null
    this.#close(error)
  }

  #answered(step: Step): void {
    const call = step.answering.shift()
    if (call === undefined) return
    step.open.delete(call)
    step.counts.inFlight--
  }

  /** `end` comes only when no call is open; until then the first turn says `returned`, and every turn ends with `idle`. */
  #settleEnd(step: Step, outcome: Outcome): void {
    step.outcome = outcome
    if (step.open.size > 0) {
      if (!step.hasReturned) step.stream.push({ type: 'returned' })
      step.hasReturned = true
      step.stream.push({ type: 'idle' })
      return
    }
    this.#leave(({ stream, fuel }) => {
      stream.push({ type: 'end', execution: outcome.execution, fuel, poisoned: outcome.poisoned })
      stream.end()
    })
    if (outcome.poisoned) this.#close(closedError('its last step was stopped in a way that cannot be replayed'))
  }

  #enter(): Thread {
    if (this.#thread === null) {
      this.#thread = this.#pool.place()
      this.#thread.add(this)
      this.#thread.send(this, { type: 'open', id: this.id, limits: this.#options.limits, setup: this.#setup, stop: this.#stopFlag })
    }
    return this.#thread
  }

  #answerText(call: number, answer: Answer): { ok: boolean; text: string } {
    const { answerBytes } = this.#options.limits
    const text = answer.ok ? answer.value : JSON.stringify({ name: answer.error.name, message: answer.error.message })
    if (
      !this.#defences.answerBytes ||
      (text.length <= answerBytes && (text.length * 3 <= answerBytes || Buffer.byteLength(text) <= answerBytes))
    )
      return { ok: answer.ok, text }
    return {
      ok: false,
      text: JSON.stringify({
        name: 'RangeError',
        message: `the answer of call ${call} has ${Buffer.byteLength(text)} bytes; at most ${answerBytes} can enter the sandbox. Ask for less`,
      }),
    }
  }

  #close(error: TroupeError): void {
    this.#closed ??= error
    Atomics.store(this.#stopFlag, 0, 1)
    this.#thread?.remove(this)
    this.#thread = null
    this.#leave(({ stream }) => stream.fail(this.#closed))
  }

  #leave(end: (step: Step) => void): void {
    const step = this.#step
    if (step === null) return
    this.#step = null
    step.release()
    end(step)
  }
}

function refused(why: string): TroupeError {
  return new TroupeError('sandbox/snapshot-refused', `the snapshot cannot be restored: ${why}. Replay the steps of the run`)
}

function closedError(why: string): TroupeError {
  return new TroupeError('sandbox/closed', `the sandbox session is closed: ${why}. Open a new one and replay the run's earlier steps`)
}
