import { TroupeError } from '../../errors/troupe-error.ts'
import { pythonName } from '../../schema/python-name.ts'
import { encode } from '../../util/codec.ts'
import { FrameStream } from '../frame-stream.ts'
import type { Answer, ExecuteOptions, Frame, OpenOptions, SandboxSession, Snapshot } from '../sandbox.ts'
import type { GuestProcess, ProcessEnd } from './guest-process.ts'
import { crash, type Outcome, outcomeOf, outOfHeap, overrun, refused } from './outcome.ts'
import type { Pool, Turn } from './pool.ts'
import { faultOf } from './prepare.ts'
import type { Block, Command, Defences, GivenAnswer, Report } from './protocol.ts'
import { readReport, type StepCounts } from './report.ts'

let lastId = 0

/** Beyond what is left of a step's time, a turn gets this much before its process is killed: the interpreter should have stopped it. */
const GRACE_MS = 250
/** A block that is run again may take this much longer than the first time. */
const REPLAY_FACTOR = 3
/** Parsing takes about this long, in characters for a millisecond. */
const CHARACTERS_PER_MS = 2_000
/** How often a step begins again whose process ended without the code's doing. */
const MAX_RESTARTS = 2
/** Ends of a process that its own code brings about. */
const CRASHES: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGTRAP', 'SIGFPE'])
const MEBIBYTE = 1_048_576

/** The step that runs. */
interface Step {
  readonly code: string
  readonly stream: FrameStream
  readonly counts: StepCounts
  readonly answers: GivenAnswer[]
  readonly release: () => void
  /** The tool of the call that waits for an answer. */
  open: string | null
  prints: number
  spentMs: number
  restarts: number
}

interface KeptBlock extends Block {
  readonly spentMs: number
}

/**
 * One session as its host sees it: the blocks it has run and the answers they were given. Any process can run a turn of
 * it; the one that ran the last turn holds the interpreter's state, and when that process is busy or gone, another one
 * runs all blocks again.
 */
export class MontySession implements SandboxSession, Turn {
  readonly id: number = ++lastId
  readonly #pool: Pool
  readonly #options: OpenOptions
  readonly #defences: Defences
  readonly #context: string
  readonly #fixedNames: ReadonlyMap<string, string>
  readonly #blocks: KeptBlock[] = []
  #home: GuestProcess | null = null
  #running: GuestProcess | null = null
  #step: Step | null = null
  #closed: TroupeError | null = null

  constructor(pool: Pool, options: OpenOptions, defences: Defences) {
    this.#pool = pool
    this.#options = options
    this.#defences = defences
    this.#context = encode(options.context)
    const tools = options.tools.flatMap(({ name }) => [name, pythonName(name)]).map((name): [string, string] => [name, 'a tool'])
    this.#fixedNames = new Map(defences.sourceChecks ? [...tools, ['final_answer', 'the function that ends the run']] : [])
  }

  get home(): GuestProcess | null {
    return this.#home
  }

  execute(code: string, { signal }: ExecuteOptions): AsyncIterable<Frame> {
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
    const { limits, tools } = this.#options
    const counts: StepCounts = { limits, tools: new Set(tools.map(({ name }) => name)), calls: 0, printed: 0 }
    this.#step = {
      code,
      stream,
      counts,
      answers: [],
      release: () => signal.removeEventListener('abort', onAbort),
      open: null,
      prints: 0,
      spentMs: 0,
      restarts: 0,
    }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    if (this.#closed !== null) {
      this.#leave((step) => step.stream.fail(this.#closed))
      return stream
    }
    const { sourceChecks, sourceLimits } = this.#defences
    const fault = sourceChecks || sourceLimits ? faultOf(code, { fixedNames: this.#fixedNames, sourceLimits, sourceChecks }) : null
    if (fault === null) this.#pool.submit(this)
    else this.#end(refused(fault))
    return stream
  }

  reply(call: number, answer: Answer): void {
    const step = this.#step
    // The stream has already said that the session is gone; an answer that was under way is simply late.
    if (step === null) return
    if (step.open === null || call !== step.answers.length + 1)
      throw new TroupeError('internal/unreachable', `there is no open call ${call} in this sandbox session`)
    step.answers.push({ tool: step.open, ...this.#answerText(call, answer) })
    step.open = null
    this.#pool.submit(this)
  }

  resume(): AsyncIterable<Frame> {
    throw new TroupeError('sandbox/unavailable', 'monty sessions cannot be restored from a snapshot: replay the steps of the run')
  }

  async snapshot(): Promise<Snapshot | null> {
    return null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(closedError('it was disposed of'))
  }

  command(process: GuestProcess): { readonly command: Command; readonly limitMs: number } {
    const { limits, tools } = this.#options
    const step = this.#step
    if (step === null) throw new TroupeError('internal/unreachable', 'a turn of a session without a step')
    const isHome = this.#home === process && process.isAlive
    if (!isHome) this.#home?.forget(this.id)
    this.#home = null
    this.#running = process
    const timeMs = Math.max(1, limits.timeoutMs - step.spentMs)
    const last = step.answers.at(-1)
    if (isHome && last !== undefined)
      return { command: { type: 'reply', session: this.id, ok: last.ok, text: last.text }, limitMs: timeMs + GRACE_MS }
    const again = this.#blocks.map(({ spentMs }) => spentMs)
    const slow = Math.max(0, step.spentMs, ...again) * REPLAY_FACTOR > limits.timeoutMs
    const replayMs = (again.reduce((sum, ms) => sum + ms, 0) + step.spentMs) * REPLAY_FACTOR
    const characters = this.#blocks.reduce((sum, { code }) => sum + code.length, step.code.length)
    const command: Command = {
      type: 'run',
      session: this.id,
      tools: tools.map(({ name, parameters, signature }) => ({ name, parameters, signature })),
      context: this.#context,
      blocks: [...this.#blocks.map(({ code, answers }) => ({ code, answers })), { code: step.code, answers: step.answers }],
      printsSeen: step.prints,
      limits: {
        durationMs: limits.timeoutMs * (slow ? REPLAY_FACTOR : 1),
        memoryBytes: limits.memoryMb * MEBIBYTE,
        maxCalls: limits.maxCalls,
        answerBytes: limits.answerBytes,
        outputBytes: limits.outputBytes,
      },
      defences: this.#defences,
    }
    return { command, limitMs: timeMs + replayMs + characters / CHARACTERS_PER_MS + GRACE_MS }
  }

  report(process: GuestProcess, sent: unknown): void {
    this.#running = null
    const step = this.#step
    if (step === null) return
    let report: Report
    try {
      report = this.#defences.validReports ? readReport(sent, this.id, step.counts) : (sent as Report)
    } catch (error) {
      this.#close(TroupeError.wrap(error, 'sandbox/bad-frame'))
      throw error
    }
    this.#take(step, process, report)
  }

  overran(): void {
    this.#running = null
    this.#end(overrun(this.#options.limits))
  }

  died({ code, signal, words }: ProcessEnd): void {
    this.#running = null
    const step = this.#step
    if (step === null) return
    if (words.includes('heap out of memory')) return this.#end(outOfHeap(this.#options.limits))
    const how = signal ?? `exit code ${code}`
    if (CRASHES.has(how) || step.restarts === MAX_RESTARTS || !this.#defences.heal) return this.#end(crash(how))
    step.restarts++
    this.#pool.submit(this)
  }

  failed(error: TroupeError): void {
    this.#close(error)
  }

  #take(step: Step, process: GuestProcess, { prints, state, spentMs }: Report): void {
    if (state.type === 'lost') {
      this.#pool.submit(this)
      return
    }
    for (const text of prints) step.stream.push({ type: 'print', text })
    step.prints += prints.length
    step.spentMs = Math.max(step.spentMs, spentMs)
    if (state.type !== 'call') return this.#end(outcomeOf(state, step.code, this.#options.limits))
    if (step.spentMs > this.#options.limits.timeoutMs) {
      process.forget(this.id)
      return this.#end(overrun(this.#options.limits))
    }
    this.#home = process
    step.open = state.tool
    step.stream.push({ type: 'call', call: step.answers.length + 1, tool: state.tool, args: state.args })
    step.stream.push({ type: 'idle' })
  }

  #end({ execution, poisoned, kept }: Outcome): void {
    this.#leave(({ stream, answers, spentMs }) => {
      if (kept !== null) this.#blocks.push({ code: kept, answers, spentMs })
      stream.push({ type: 'end', execution, fuel: 0, poisoned })
      stream.end()
    })
    if (poisoned) this.#close(closedError('its last step was stopped in a way that cannot be replayed'))
  }

  #answerText(call: number, answer: Answer): { ok: boolean; text: string } {
    const { answerBytes } = this.#options.limits
    const text = answer.ok ? answer.value : JSON.stringify({ name: answer.error.name, message: answer.error.message })
    if (!this.#defences.answerBytes || text.length * 3 <= answerBytes || Buffer.byteLength(text) <= answerBytes)
      return { ok: answer.ok, text }
    return {
      ok: false,
      text: JSON.stringify({
        name: 'ValueError',
        message: `the answer of call ${call} has ${Buffer.byteLength(text)} bytes; at most ${answerBytes} can enter the sandbox. Ask for less`,
      }),
    }
  }

  #close(error: TroupeError): void {
    this.#closed ??= error
    this.#pool.withdraw(this)
    if (this.#defences.abortKill) this.#running?.abandon(this)
    this.#running = null
    this.#home?.forget(this.id)
    this.#home = null
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
