import { TroupeError } from '../errors/troupe-error.ts'
import { encode } from '../util/codec.ts'
import { FrameStream } from './frame-stream.ts'
import { DEADLOCK, deathOutcome, flooded, type Outcome, overran, stateOutcome } from './guest-outcome.ts'
import type { GuestSetup } from './javascript-guest.ts'
import { bad, type GuestCommand, longestLine, readWire, type WireCounts, type WireDefences } from './guest-wire.ts'
import { RawOutput } from './raw-output.ts'
import type { Answer, ExecuteOptions, Frame, OpenOptions, SandboxSession, Snapshot } from './sandbox.ts'

/** How a guest's process came to its end. */
export type Death =
  | { readonly type: 'memory' }
  /** By its own fault: it exited or crashed. */
  | { readonly type: 'exit'; readonly how: string }
  /** From outside; doing it again may help. */
  | { readonly type: 'lost'; readonly how: string }

/** One guest in a process or container of its own, ready for one session. */
export interface GuestWorker {
  /** The guest's descriptors whose output reaches the host, each a stream of its own. */
  readonly rawStreams: readonly number[]
  /** From now on what the guest says and how it ends goes to `owner`; what came before is told at once. */
  attach(owner: GuestOwner): void
  /** One line, without its end. */
  send(line: string): void
  /** The process may exit while nothing runs, and not while a step does. */
  keepAlive(isBusy: boolean): void
  /** Ends the guest and everything that it started, and frees what it held. Again is harmless. */
  end(): Promise<void>
}

export interface GuestOwner {
  line(text: string): void
  /** What came on a standard stream, past the guest's own prints; `stream` counts in the worker's `rawStreams`. */
  output(text: string, stream: number): void
  /** A line longer than this is not waited for. */
  readonly maxLine: number
  overlong(): void
  ended(death: Death): void
}

export interface SessionDefences extends WireDefences {
  /** A step that computes too long is ended, with its process. */
  readonly deadline: boolean
  readonly answerBytes: boolean
  /** What comes on the standard streams counts as printed. */
  readonly outputFlood: boolean
}

interface Step {
  readonly stream: FrameStream
  readonly counts: WireCounts
  readonly open: Set<number>
  /** Calls whose answer is on its way to the guest, in order. */
  readonly answering: number[]
  readonly release: () => void
  outcome: Outcome | null
  hasReturned: boolean
  hasBegun: boolean
  /** Guest turns that run: the clock goes while there are any. */
  turns: number
  spentMs: number
  /** Waits for what is under way on the standard streams, once everything else has ended. */
  late: ReturnType<typeof setTimeout> | undefined
}

/** How long an end waits for the standard streams: what a guest wrote past `print` takes another way than its frames. */
const LATE_MS = 500

/** A session of a guest in a process of its own, as its host sees it: the clock, the order of frames, the answers, the end. */
export class GuestSession implements SandboxSession, GuestOwner {
  readonly maxLine: number
  readonly #worker: GuestWorker
  readonly #options: OpenOptions
  readonly #defences: SessionDefences
  readonly #tools: ReadonlySet<string>
  readonly #raw: readonly RawOutput[]
  #step: Step | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #turnBegan = 0
  #closed: TroupeError | null = null
  #ended: Promise<void> | null = null

  constructor(worker: GuestWorker, options: OpenOptions, defences: SessionDefences, packages: readonly string[]) {
    const { tools, limits, context } = options
    this.#worker = worker
    this.#options = options
    this.#defences = defences
    this.#tools = new Set(tools.map(({ name }) => name))
    this.#raw = worker.rawStreams.map(() => new RawOutput())
    this.maxLine = longestLine(limits)
    const { maxCalls, maxInFlight, answerBytes, outputBytes } = limits
    const setup: GuestSetup & { packages: readonly string[] } = {
      tools: tools.map(({ name, parameters, signature }) => ({ name, parameters, signature })),
      context: encode(context),
      maxCalls,
      maxInFlight,
      answerBytes,
      outputBytes,
      packages,
    }
    worker.attach(this)
    this.#send({ type: 'setup', setup })
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
    const counts: WireCounts = { limits: this.#options.limits, tools: this.#tools, calls: 0, inFlight: 0, printed: 0 }
    this.#step = {
      stream,
      counts,
      open: new Set(),
      answering: [],
      release: () => signal.removeEventListener('abort', onAbort),
      outcome: null,
      hasReturned: false,
      hasBegun: false,
      turns: 0,
      spentMs: 0,
      late: undefined,
    }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    if (this.#closed !== null) {
      this.#leave((open) => open.stream.fail(this.#closed))
      return stream
    }
    this.#worker.keepAlive(true)
    // The guest writes it on its standard streams when the step has ended; before that only the runner's own frame holds it.
    const token = crypto.randomUUID()
    for (const raw of this.#raw) raw.begin(token)
    this.#turn({ type: 'execute', step, code, clock, seed, mark: { token, streams: this.#worker.rawStreams } })
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
    step.counts.inFlight--
    this.#turn({ type: 'reply', call, ...this.#answerText(call, answer) })
  }

  resume(): AsyncIterable<Frame> {
    throw new TroupeError('sandbox/unavailable', 'sessions of this sandbox cannot be restored from a snapshot: replay the steps of the run')
  }

  async snapshot(): Promise<Snapshot | null> {
    return null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(closedError('it was disposed of'))
    await this.#ended
  }

  // --- What comes from the guest: nothing of it is trusted.

  line(text: string): void {
    const step = this.#step
    try {
      // After a forged end the guest may still speak: nothing was asked of it.
      if (step === null || (this.#defences.validFrames && step.turns === 0)) throw bad('a line while nothing runs')
      const { frames, state, isQuiet } = readWire(text, step.counts, this.#defences)
      for (const frame of frames) {
        if (frame.type === 'call') step.open.add(frame.call)
        step.stream.push(frame)
      }
      if (isQuiet) this.#quiet(step, state === null ? null : stateOutcome(state, this.#options.limits))
    } catch (error) {
      this.#close(TroupeError.wrap(error, 'sandbox/bad-frame'))
    }
  }

  output(text: string, stream: number): void {
    const raw = this.#raw[stream]
    if (raw === undefined) return
    const { lines, size } = raw.push(text)
    const step = this.#step
    if (step === null) return
    // What comes after a mark is not shown, and counts all the same: who forges one may not flood.
    step.counts.printed += size
    const isOver = step.counts.printed > this.#options.limits.outputBytes
    if (this.#defences.outputFlood && isOver) return this.#stopHard(step, flooded(this.#options.limits))
    if (lines !== null) step.stream.push({ type: 'print', text: lines })
    if (step.late !== undefined && this.#raw.every(({ hasEnded }) => hasEnded)) this.#finish(step)
  }

  overlong(): void {
    this.#close(bad(`a line of more than ${this.maxLine} bytes`))
  }

  ended(death: Death): void {
    const step = this.#step
    if (step?.late !== undefined) this.#finish(step) // it had ended before
    if (this.#step === null || step === null || death.type === 'lost')
      return this.#close(closedError(death.type === 'memory' ? 'it ran out of memory' : death.how))
    this.#stopHard(step, deathOutcome(death.type === 'memory' ? null : death.how, this.#options.limits))
  }

  // --- Turns and their clock.

  #turn(command: Extract<GuestCommand, { type: 'execute' | 'reply' }>): void {
    const step = this.#step
    if (step === null) return
    if (step.turns++ === 0) this.#startClock(step)
    this.#send(command)
  }

  #startClock(step: Step): void {
    this.#turnBegan = performance.now()
    if (!this.#defences.deadline) return
    const { limits } = this.#options
    this.#timer = setTimeout(() => this.#stopHard(step, overran(limits)), Math.max(0, limits.timeoutMs - step.spentMs))
  }

  #quiet(step: Step, outcome: Outcome | null): void {
    if (step.hasBegun) this.#answered(step)
    step.hasBegun = true
    if (--step.turns === 0) {
      clearTimeout(this.#timer)
      step.spentMs += performance.now() - this.#turnBegan
    }
    const end = outcome ?? (step.open.size === 0 ? DEADLOCK : null)
    if (end === null) step.stream.push({ type: 'idle' })
    else this.#settleEnd(step, end)
  }

  /** Ends the step and its guest with it. Answers that were under way reached nobody, and each is owed an `idle` or the `end`. */
  #stopHard(step: Step, outcome: Outcome): void {
    clearTimeout(this.#timer)
    this.#ended ??= this.#worker.end()
    if (step !== this.#step) return
    do {
      this.#answered(step)
      this.#settleEnd(step, outcome)
    } while (step.answering.length > 0)
  }

  #answered(step: Step): void {
    const call = step.answering.shift()
    if (call !== undefined) step.open.delete(call)
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
    // A guest that ends by a word of its own marks its streams before it says so; one that was stopped, or waits for ever, does not.
    const isMarked = !outcome.poisoned && outcome !== DEADLOCK
    if (isMarked && this.#raw.some(({ hasEnded }) => !hasEnded)) step.late ??= setTimeout(() => this.#finish(step), LATE_MS)
    else this.#finish(step)
  }

  #finish(step: Step): void {
    const { outcome } = step
    if (step !== this.#step || outcome === null) return
    this.#leave(({ stream }) => {
      for (const raw of this.#raw) {
        const rest = raw.rest()
        if (rest !== '') stream.push({ type: 'print', text: rest })
      }
      stream.push({ type: 'end', execution: outcome.execution, fuel: 0, poisoned: outcome.poisoned })
      stream.end()
    })
    if (outcome.poisoned) this.#close(closedError('its last step was stopped in a way that cannot be replayed'))
  }

  #send(command: GuestCommand): void {
    this.#worker.send(JSON.stringify(command))
  }

  #answerText(call: number, answer: Answer): { ok: boolean; text: string } {
    const { answerBytes } = this.#options.limits
    const text = answer.ok ? answer.value : JSON.stringify({ name: answer.error.name, message: answer.error.message })
    if (!this.#defences.answerBytes || text.length * 3 <= answerBytes) return { ok: answer.ok, text }
    const bytes = new TextEncoder().encode(text).length
    if (bytes <= answerBytes) return { ok: answer.ok, text }
    return {
      ok: false,
      text: JSON.stringify({
        name: 'RangeError',
        message: `the answer of call ${call} has ${bytes} bytes; at most ${answerBytes} can enter the sandbox. Ask for less`,
      }),
    }
  }

  #close(error: TroupeError): void {
    this.#closed ??= error
    clearTimeout(this.#timer)
    this.#ended ??= this.#worker.end()
    // Ends by itself in the background; the one who disposes of the session waits for it.
    this.#ended.catch(() => {})
    this.#leave(({ stream }) => stream.fail(this.#closed))
  }

  #leave(end: (step: Step) => void): void {
    const step = this.#step
    if (step === null) return
    this.#step = null
    clearTimeout(step.late)
    step.release()
    this.#worker.keepAlive(false)
    end(step)
  }
}

function closedError(why: string): TroupeError {
  return new TroupeError('sandbox/closed', `the sandbox session is closed: ${why}. Open a new one and replay the run's earlier steps`)
}
