import { Worker, type WorkerOptions } from 'node:worker_threads'
import { TroupeError } from '../../errors/troupe-error.ts'
import {
  type Command,
  type Defences,
  isTurn,
  type Kept,
  packReply,
  READY,
  type Report,
  type Restored,
  unpackReport,
  type WorkerData,
} from './protocol.ts'

/** What a thread tells the session that owns a turn. */
export interface TurnOwner {
  readonly id: number
  /** CPU milliseconds that one turn of this session may take before the thread is ended. */
  readonly turnMs: number
  report(report: Report): void
  /** The thread was ended because this session's turn did not stop. */
  overran(): void
  /** The thread is gone with the session in it. */
  lost(error: TroupeError): void
}

export interface ThreadOptions {
  readonly url: URL
  readonly wasm: WebAssembly.Module
  readonly defences: Defences
  readonly onEnd: (thread: Thread) => void
}

/** Beyond its own limit of CPU time a turn gets this much before the thread is ended: the limit inside should have been met. */
const GRACE_MS = 250
/** How long a cancelled turn may go on before its thread is ended with it. */
const ABORT_GRACE_MS = 100
const SHORTEST_WATCH_MS = 25
/** The longest time that a thread waits for CPU before it is asked again how much it got. */
const LONGEST_WATCH_MS = 1_000
/** Leaks of an engine that runs for days are ended with its thread. */
const SESSIONS_PER_THREAD = 5_000

/** One worker thread as its host sees it: who is in it, whose turn runs, and what to do when that turn does not end. */
export class Thread {
  readonly #worker: Worker
  readonly #options: ThreadOptions
  readonly #bell = new Int32Array(new SharedArrayBuffer(4))
  readonly #sessions = new Map<number, TurnOwner>()
  /** Turns that are not answered yet, in order: the first one is running. */
  readonly #turns: TurnOwner[] = []
  /** Copies and restored sessions that are waited for, by session. */
  readonly #errands = new Map<number, PromiseWithResolvers<Kept | Restored>>()
  #outbox: Command[] = []
  #served = 0
  #watch: NodeJS.Timeout | null = null
  #cpuMs = 0
  /** Turns that were reported. */
  #answered = 0
  #isFit = true
  #isAlive = true
  #wasReady = false
  readonly ready: Promise<void>

  constructor(options: ThreadOptions) {
    this.#options = options
    const data: WorkerData = { wasm: options.wasm, defences: options.defences, bell: this.#bell }
    this.#worker = new Worker(options.url, workerOptions(data))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ready = promise
    promise.catch(() => {})
    this.#worker.on('message', (message: string | Report | (string | Report)[] | Kept | Restored) => {
      if (message !== READY) return this.#onMessage(message)
      this.#wasReady = true
      this.#refOrUnref()
      resolve()
    })
    this.#worker.on('error', (error) => {
      reject(unavailable(error, options.url))
      this.#die(this.#wasReady ? closed(`its worker thread failed: ${error.message}`, error) : unavailable(error, options.url))
    })
    this.#worker.on('exit', (code) => {
      // plain error: the cause of a TroupeError
      reject(unavailable(new Error(`it exited with code ${code}`), options.url))
      this.#die(closed(`its worker thread exited with code ${code}`))
    })
  }

  #onMessage(message: string | Report | (string | Report)[] | Kept | Restored): void {
    if (Array.isArray(message)) for (const report of message) this.#onMessage(report)
    else if (typeof message === 'string') this.#onReport(unpackReport(message))
    else if ('text' in message) this.#onReport(message)
    else this.#onErrand(message)
  }

  get isFit(): boolean {
    return this.#isFit && this.#served < SESSIONS_PER_THREAD
  }

  /** Turns that wait or run. */
  get load(): number {
    return this.#turns.length
  }

  get size(): number {
    return this.#sessions.size
  }

  add(session: TurnOwner): void {
    this.#sessions.set(session.id, session)
    this.#served++
  }

  /** Commands of one tick of the host leave in one message. */
  send(session: TurnOwner, command: Command): void {
    if (!this.#isAlive) return
    this.#post(command)
    if (!isTurn(command)) return
    this.#turns.push(session)
    if (this.#turns.length === 1) this.#refOrUnref()
  }

  /** A copy of a quiet session, in the order of its turns; null where it is not worth one. Rejects when the thread ends. */
  async keep({ id }: TurnOwner, afterMs: number): Promise<Uint8Array | null> {
    const done = await this.#errand({ type: 'keep', id, afterMs })
    return 'image' in done ? done.image : null
  }

  /** Opens a session from a copy. Says why that could not be, null where it could. */
  async restore(session: TurnOwner, opening: Omit<Extract<Command, { type: 'restore' }>, 'type' | 'id'>): Promise<string | null> {
    this.add(session)
    const done = await this.#errand({ type: 'restore', id: session.id, ...opening })
    return 'error' in done ? done.error : null
  }

  async #errand(command: Extract<Command, { type: 'keep' | 'restore' }>): Promise<Kept | Restored> {
    if (!this.#isAlive) throw closed('its worker thread has ended')
    const { promise, reject, resolve } = Promise.withResolvers<Kept | Restored>()
    this.#errands.set(command.id, { promise, reject, resolve })
    this.#post(command)
    this.#worker.ref()
    return promise
  }

  #onErrand(done: Kept | Restored): void {
    const id = 'kept' in done ? done.kept : done.restored
    this.#errands.get(id)?.resolve(done)
    this.#errands.delete(id)
    if (this.#errands.size === 0) this.#refOrUnref()
  }

  /** Closes a session. A turn of it that is running is stopped by its flag; where that does not help, the thread is ended. */
  remove(session: TurnOwner): void {
    if (!this.#sessions.delete(session.id)) return
    this.send(session, { type: 'close', id: session.id })
    const turn = this.#turns.indexOf(session)
    if (turn !== -1) this.#endUnlessLeft(session)
    if (!this.isFit) this.#endIfEmpty()
  }

  /** Ends the thread; every session in it is told. */
  end(error: TroupeError): void {
    this.#die(error)
  }

  #post(command: Command): void {
    // After all promise callbacks of this tick: answers that came together leave together.
    if (this.#outbox.length === 0) process.nextTick(() => this.#flush())
    this.#outbox.push(command)
  }

  #flush(): void {
    const commands = this.#outbox
    this.#outbox = []
    const [first] = commands
    if (!this.#isAlive || first === undefined) return
    this.#worker.postMessage(commands.length === 1 && first.type === 'reply' ? packReply(first) : commands) // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
    Atomics.add(this.#bell, 0, 1)
    Atomics.notify(this.#bell, 0)
  }

  #onReport(report: Report): void {
    this.#turns.shift()
    this.#answered++
    this.#cpuMs = Math.max(this.#cpuMs, report.cpuMs)
    this.#sessions.get(report.id)?.report(report)
    if (report.unfit !== null) this.#retire()
    if (report.unfit === 'terminate') this.#die(closed('the thread that it shared with other sessions had to be ended'))
    if (this.#turns.length === 0) this.#refOrUnref()
  }

  /** The process may exit while sessions are idle, and not while one computes. */
  #refOrUnref(): void {
    if (!this.#isAlive) return
    if (this.#turns.length === 0) {
      if (this.#wasReady && this.#errands.size === 0) this.#worker.unref()
      return
    }
    this.#worker.ref()
    if (this.#options.defences.backstop && this.#watch === null) this.#watchTurn(this.#turns[0] as TurnOwner, GRACE_MS)
  }

  /**
   * The backstop for what no interrupt reaches, such as one long native call. It goes by the CPU time that the thread
   * has had since the turn began, so a suspended process or a busy machine never ends a turn.
   */
  #watchTurn(turn: TurnOwner, delayMs: number): void {
    const answered = this.#answered
    const isSame = (): boolean => this.#isAlive && this.#answered === answered
    this.#watch = setTimeout(() => {
      const look = (used: number): void => {
        this.#watch = null
        const first = this.#turns[0]
        if (!this.#isAlive || first === undefined) return
        const limit = first.turnMs + GRACE_MS
        if (isSame() && used > limit) this.#overrun(first)
        else this.#watchTurn(first, Math.min(LONGEST_WATCH_MS, Math.max(SHORTEST_WATCH_MS, isSame() ? limit - used : limit)))
      }
      this.#usedMs(isSame()).then(look, () => look(0))
    }, delayMs).unref()
  }

  /** CPU milliseconds since the last report; 0 where nobody runs. Rejects when the thread has just ended. */
  async #usedMs(runs: boolean): Promise<number> {
    if (!runs) return 0
    const { user, system } = await this.#worker.cpuUsage()
    return (user + system) / 1000 - this.#cpuMs
  }

  #overrun(turn: TurnOwner): void {
    this.#sessions.delete(turn.id)
    turn.overran()
    this.#die(closed('another session in the same worker thread did not stop, so the thread was ended'))
  }

  #endUnlessLeft(session: TurnOwner): void {
    setTimeout(() => {
      if (this.#isAlive && this.#turns.includes(session) && this.#turns[0] === session)
        this.#die(closed('another session in the same worker thread was cancelled and did not stop, so the thread was ended'))
    }, ABORT_GRACE_MS)
  }

  #retire(): void {
    if (!this.#isFit) return
    this.#isFit = false
    this.#endIfEmpty()
  }

  #endIfEmpty(): void {
    if (this.#sessions.size === 0) this.#die(closed('its worker thread was retired'))
  }

  #die(reason: TroupeError): void {
    if (!this.#isAlive) return
    this.#isAlive = false
    if (this.#watch !== null) clearTimeout(this.#watch)
    this.#isFit = false
    this.#options.onEnd(this)
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    this.#turns.length = 0
    for (const { reject } of this.#errands.values()) reject(reason)
    this.#errands.clear()
    this.#worker.terminate().catch(() => {})
    for (const session of sessions) session.lost(reason)
  }
}

/** A worker that has nothing of its host's: no environment, no standard streams, no flags, a heap of its own. */
export function workerOptions(data: WorkerData): WorkerOptions {
  return {
    workerData: data,
    env: {},
    argv: [],
    // The stripper of types is marked experimental and would say so; the host's own warnings are not touched.
    execArgv: ['--no-warnings'],
    stdin: false,
    stdout: true,
    stderr: true,
    name: 'troupe-quickjs',
    resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 8 },
  }
}

function closed(why: string, cause?: unknown): TroupeError {
  return new TroupeError('sandbox/closed', `the sandbox session is closed: ${why}. Open a new one and replay the run's earlier steps`, {
    cause,
  })
}

function unavailable(error: Error, url: URL): TroupeError {
  return new TroupeError(
    'sandbox/unavailable',
    `the worker of the quickjs sandbox (${url.href}) did not start: ${error.message}. In a bundle, pass quickjs({ workerUrl }) with the place of troupe/sandbox/quickjs/worker`,
    { cause: error },
  )
}
