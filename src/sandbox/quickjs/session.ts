import { TroupeError } from '../../errors/troupe-error.ts'
import type { Answer, ExecuteOptions, Frame, OpenOptions, SandboxSession, Snapshot } from '../sandbox.ts'
import { encode } from '../../util/codec.ts'
import { FrameStream } from '../frame-stream.ts'
import { DEADLOCK, type Outcome, outcomeOf, overrunOutcome } from './outcome.ts'
import type { Pool } from './pool.ts'
import type { Defences, Report, Setup } from './protocol.ts'
import type { Thread, TurnOwner } from './thread.ts'
import { readTurn, readTurnUnchecked, type StepCounts } from './turn.ts'

let lastId = 0

/** The step that runs. */
interface Step {
  readonly stream: FrameStream
  readonly counts: StepCounts
  /** Calls that the guest still waits for: one is taken off when the turn that follows its answer has been reported. */
  readonly open: Set<number>
  /** Calls whose answer is on its way to the guest, in order. */
  readonly answering: number[]
  readonly release: () => void
  /** How it ended, kept back until no call is open. */
  outcome: Outcome | null
  hasReturned: boolean
  hasBegun: boolean
  fuel: number
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

  constructor(pool: Pool, options: OpenOptions, defences: Defences) {
    const { tools, limits, context } = options
    this.#pool = pool
    this.#options = options
    this.#defences = defences
    this.turnMs = limits.timeoutMs
    this.#tools = new Set(tools.map(({ name }) => name))
    const setup: Setup = {
      tools: tools.map(({ name, parameters, signature }) => ({ name, parameters, signature })),
      context: encode(context),
      maxCalls: limits.maxCalls,
      maxInFlight: limits.maxInFlight,
      answerBytes: limits.answerBytes,
      outputBytes: limits.outputBytes,
    }
    this.#setup = JSON.stringify(setup)
  }

  execute(code: string, { step, signal, clock, seed }: ExecuteOptions): AsyncIterable<Frame> {
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
    const counts: StepCounts = { limits: this.#options.limits, tools: this.#tools, calls: 0, inFlight: 0 }
    this.#step = {
      stream,
      counts,
      open: new Set(),
      answering: [],
      release: () => signal.removeEventListener('abort', onAbort),
      outcome: null,
      hasReturned: false,
      hasBegun: false,
      fuel: 0,
    }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    if (this.#closed !== null) {
      this.#leave((open) => open.stream.fail(this.#closed))
      return stream
    }
    try {
      this.#enter().send(this, { type: 'execute', id: this.id, step, code, clock, seed })
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

  resume(): AsyncIterable<Frame> {
    throw new TroupeError('sandbox/unavailable', 'quickjs sessions cannot be restored from a snapshot: replay the steps of the run')
  }

  async snapshot(): Promise<Snapshot | null> {
    return null
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
        if (frame.type === 'call') step.open.add(frame.call)
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

function closedError(why: string): TroupeError {
  return new TroupeError('sandbox/closed', `the sandbox session is closed: ${why}. Open a new one and replay the run's earlier steps`)
}
