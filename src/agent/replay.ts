import type { AnswerBody } from '../client/entry.ts'
import type { ActionLog, CallRecord, Settled } from '../engine/context.ts'
import type { Frame, SandboxSession } from '../sandbox/sandbox.ts'

type CallFrame = Extract<Frame, { type: 'call' }>

/** How long calls that the main code has not waited for may go on after it has settled, before they are given up. */
const STRAY_GRACE_MS = 1_000

/** Starts calls of one turn: writes that they begin, then has each of them done. Never rejects for a call's own fault. */
export type StartCalls = (calls: readonly CallFrame[], records: ReadonlyMap<number, CallRecord>) => Promise<readonly PendingCall[]>

export interface PendingCall {
  readonly call: number
  readonly tool: string
  readonly agent: boolean
  readonly outcome: Promise<{ readonly answer: AnswerBody; readonly durationMs: number }>
}

/** The code did not do again what the log says; no live call was made. */
export class Divergence extends Error {}

/**
 * Pairs one action's log with the session that runs its code, so that the guest sees the recorded answers in their
 * recorded order, and live ones only when they are in the log. Rules in docs/architecture/code-actions.md.
 */
export class ActionReplay {
  readonly #log: ActionLog
  readonly #session: SandboxSession
  readonly #start: StartCalls
  readonly #records: ReadonlyMap<number, CallRecord>
  /** Recorded answers in the order in which the guest got them. */
  readonly #script: readonly CallRecord[]
  readonly #seen = new Set<number>()
  readonly #open = new Map<number, { settle: (answer: AnswerBody) => void }>()
  readonly #broken = Promise.withResolvers<never>()
  /** Answers that the guest has been given. */
  #replied: number
  #next: number
  #held: CallFrame[] = []
  #ready: Settled[] = []
  #isFlushing = false
  /** Guest turns begun and not yet quiet. */
  #turns = 1
  #launching = 0
  #strayTimer: ReturnType<typeof setTimeout> | undefined

  /** `settled`: of a session that was restored in the middle of its step, how many answers it had been given then. */
  constructor(log: ActionLog, session: SandboxSession, start: StartCalls, settled: number = 0) {
    this.#log = log
    this.#session = session
    this.#start = start
    this.#records = new Map(log.recorded.map((record) => [record.call, record]))
    this.#script = log.recorded.filter((record) => record.order !== null).sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    this.#next = this.#replied = settled
    for (const { call } of this.#script.slice(0, settled)) this.#seen.add(call)
    this.#broken.promise.catch(() => {})
  }

  /** How many answers the guest has been given, where nothing is under way that could change this now; else null. */
  get settled(): number | null {
    const isQuiet = this.#turns === 0 && this.#launching === 0 && !this.#isFlushing && this.#strayTimer === undefined
    return isQuiet ? this.#replied : null
  }

  /** The frames of the code; ends with the fault when an answer could not be made or the session died. */
  async *frames(source: AsyncIterable<Frame>): AsyncGenerator<Frame, void, undefined> {
    const frames = source[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { value, done } = await Promise.race([frames.next(), this.#broken.promise])
        if (done) return
        yield value
      }
    } finally {
      clearTimeout(this.#strayTimer)
    }
  }

  /** Takes note of a call. Throws `Divergence` when the log has another in its place. */
  call(frame: CallFrame): void {
    const record = this.#records.get(frame.call)
    this.#seen.add(frame.call)
    if (record && (record.tool !== frame.tool || record.args !== frame.args)) {
      throw new Divergence(`call ${frame.call} was ${record.tool}(${record.args}) and is now ${frame.tool}(${frame.args})`)
    }
    if (!record && this.#isBehindLog(frame.call))
      throw new Divergence(`call ${frame.call}, ${frame.tool}(${frame.args}), was not made before`)
    if (record?.answer == null) this.#held.push(frame)
  }

  /** One guest turn is over: hands out recorded answers, or starts what is live, or lets the run wait. */
  idle(): void {
    this.#turns--
    this.#pump()
    this.#tellQuiet()
  }

  /** The main code has settled: nobody waits for the calls that are open, so they get a short time. */
  returned(): void {
    this.#strayTimer ??= setTimeout(() => this.#giveUpStray(), STRAY_GRACE_MS)
  }

  /** Throws `Divergence` when the code ended before the log did. */
  end(): void {
    const left = this.#script[this.#next]
    if (left) throw new Divergence(`the code ended without call ${left.call}, ${left.tool}(${left.args})`)
  }

  /** Waits until everything that was started has an answer in the log, for a session that is to be built again. */
  async drain(signal: AbortSignal, atMostMs: number): Promise<void> {
    const until = performance.now() + atMostMs
    const isBusy = (): boolean => !signal.aborted && (this.#open.size > 0 || this.#isFlushing)
    while (isBusy() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** In the log, later calls were begun or this action has ended: a call that is new here was not there then. */
  #isBehindLog(call: number): boolean {
    return this.#log.ended !== null || this.#log.recorded.some((record) => record.call > call)
  }

  #pump(): void {
    for (let record = this.#script[this.#next]; record && this.#seen.has(record.call); record = this.#script[this.#next]) {
      this.#next++
      if (record.answer) this.#reply(record.call, record.answer)
    }
    const missing = this.#script[this.#next]
    if (missing) {
      if (this.#turns === 0)
        this.#fail(new Divergence(`call ${missing.call}, ${missing.tool}(${missing.args}), was made before and is not made now`))
      return
    }
    if (this.#held.length > 0) this.#launch(this.#held.splice(0)).catch((error: unknown) => this.#fail(error))
  }

  #tellQuiet(): void {
    this.#log.quiet(this.#turns === 0 && this.#launching === 0 && this.#strayTimer === undefined)
  }

  async #launch(frames: readonly CallFrame[]): Promise<void> {
    this.#launching++
    const givenUp = new Map(frames.map((frame) => [frame.call, Promise.withResolvers<Awaited<PendingCall['outcome']>>()]))
    for (const [call, { resolve }] of givenUp) this.#open.set(call, { settle: (answer) => resolve({ answer, durationMs: 0 }) })
    try {
      for (const { call, tool, agent, outcome } of await this.#start(frames, this.#records)) {
        Promise.race([outcome, givenUp.get(call)?.promise ?? outcome]).then(
          (settled) => this.#settle({ call, tool, agent, ...settled }),
          (error) => {
            this.#open.delete(call)
            this.#fail(error)
          },
        )
      }
    } catch (error) {
      for (const { call } of frames) this.#open.delete(call)
      this.#fail(error)
    } finally {
      this.#launching--
      this.#tellQuiet()
    }
  }

  #settle(settled: Settled): void {
    this.#open.delete(settled.call)
    this.#ready.push(settled)
    if (!this.#isFlushing) this.#flush().catch((error: unknown) => this.#fail(error))
  }

  /** Commits what is ready in one append, and only then lets the guest see it. */
  async #flush(): Promise<void> {
    this.#isFlushing = true
    try {
      while (this.#ready.length > 0) {
        const batch = this.#ready.splice(0)
        await this.#log.settled(batch)
        for (const { call, answer } of batch) this.#reply(call, answer)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isFlushing = false
    }
  }

  #reply(call: number, answer: AnswerBody): void {
    this.#turns++
    this.#replied++
    this.#log.quiet(false)
    this.#session.reply(call, answer)
  }

  #giveUpStray(): void {
    this.#strayTimer = undefined
    this.#tellQuiet()
    for (const { settle } of this.#open.values()) {
      settle({ ok: false, error: { name: 'CancelledError', message: 'the code ended without waiting for this call' } })
    }
  }

  #fail(error: unknown): void {
    this.#broken.reject(error)
  }
}
