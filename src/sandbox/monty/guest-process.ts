import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { TroupeError } from '../../errors/troupe-error.ts'
import { type Command, type Defences, READY } from './protocol.ts'

/** The session whose turn a process runs. */
export interface TurnOwner {
  readonly id: number
  /** What came, unread. Throws when it is nothing that a process can have sent in order. */
  report(process: GuestProcess, sent: unknown): void
  /** The turn took too long, and the process was killed. */
  overran(): void
  /** The process ended while the turn ran. */
  died(end: ProcessEnd): void
}

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last that it wrote to its standard error. */
  readonly words: string
}

export interface ProcessOptions {
  readonly url: URL
  /** Folders that it may read: its own code and the interpreter's. */
  readonly readable: readonly string[]
  readonly defences: Defences
  /** It can take work. */
  readonly onFree: (process: GuestProcess) => void
  readonly onEnd: (process: GuestProcess) => void
}

/** JavaScript's own heap in a process; values of the guest are in it only while they cross the border. */
const HEAP_MB = 256
const WORDS = 2_000
/** A longer message than this can be no report. */
const MAX_MESSAGE = 64 * 1_048_576

/** One child process with an interpreter in it. Runs one turn at a time; between turns it holds sessions that wait. */
export class GuestProcess {
  readonly #child: ChildProcess
  readonly #options: ProcessOptions
  readonly ready: Promise<void>
  #owner: TurnOwner | null = null
  #timer: NodeJS.Timeout | null = null
  readonly #channel: Socket
  readonly #pipes: readonly Socket[]
  #words = ''
  #partial: string[] = []
  #partialLength = 0
  #isReady = false
  #isAlive = true

  constructor(options: ProcessOptions) {
    this.#options = options
    // Descriptor 3 carries a line of JSON each way for a turn. Node's own IPC takes three times as long.
    this.#child = spawn(process.execPath, [...flags(options), fileURLToPath(options.url)], {
      env: options.defences.emptyEnvironment ? {} : process.env,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ready = promise
    promise.catch(() => {})
    const [, , words, channel] = this.#child.stdio
    if (!(words instanceof Socket) || !(channel instanceof Socket))
      throw new TroupeError('sandbox/unavailable', 'a process without a channel was started')
    this.#pipes = [words, channel]
    this.#channel = channel
    words.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-WORDS)
    })
    // It fails when the process ends, which is told elsewhere.
    channel.on('error', () => {})
    channel.setEncoding('utf8').on('data', (text: string) => {
      const line = this.#line(text)
      if (line === null) return
      if (this.#isReady) return this.#onMessage(line)
      this.#isReady = line === JSON.stringify(READY)
      if (!this.#isReady) return
      resolve()
      this.#free()
    })
    this.#child.on('error', (error) => {
      reject(this.#unavailable(error.message))
      this.#end(null, null)
    })
    this.#child.on('exit', (code, signal) => {
      reject(this.#unavailable(`it ended with ${signal ?? `code ${code}`}`))
      // What it had written before it died may still be on its way.
      setImmediate(() => this.#end(code, signal))
    })
  }

  get isFree(): boolean {
    return this.#isAlive && this.#isReady && this.#owner === null
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Starts a turn; after `limitMs` the process is killed. */
  run(owner: TurnOwner, command: Command, limitMs: number): void {
    this.#owner = owner
    this.#ref()
    this.#send(command)
    if (this.#options.defences.backstop) this.#timer = setTimeout(() => setImmediate(() => this.#overrun(owner)), limitMs)
  }

  forget(session: number): void {
    if (this.#isAlive && this.#isReady) this.#send({ type: 'forget', session })
  }

  /** Ends it at once, whatever it does. */
  kill(): void {
    this.#child.kill('SIGKILL')
    this.#end(null, 'SIGKILL')
  }

  /** Ends it because nobody wants to know what the turn comes to. */
  abandon(owner: TurnOwner): void {
    if (this.#owner !== owner) return
    this.#owner = null
    this.kill()
  }

  #send(command: Command): void {
    this.#channel.write(`${JSON.stringify(command)}\n`)
  }

  /** A whole line, once there is one. A process answers each command with one, so there is never a second. */
  #line(text: string): string | null {
    this.#partial.push(text)
    this.#partialLength += text.length
    if (text.endsWith('\n')) {
      const line = this.#partial.join('').slice(0, -1)
      this.#partial = []
      this.#partialLength = 0
      return line
    }
    if (this.#partialLength > MAX_MESSAGE) this.kill()
    return null
  }

  #onMessage(line: string): void {
    const owner = this.#owner
    if (owner === null) return
    this.#stopWatch()
    this.#owner = null
    try {
      owner.report(this, parsed(line))
    } catch {
      this.kill()
      return
    }
    if (this.#owner === null) this.#free()
  }

  #overrun(owner: TurnOwner): void {
    if (this.#owner !== owner || this.#timer === null) return
    this.#owner = null
    this.kill()
    owner.overran()
  }

  #free(): void {
    this.#options.onFree(this)
    if (this.#owner === null) this.#unref()
  }

  #stopWatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#isAlive) return
    this.#isAlive = false
    this.#stopWatch()
    const owner = this.#owner
    this.#owner = null
    this.#unref()
    this.#options.onEnd(this)
    owner?.died({ code, signal, words: this.#words })
  }

  /** The host may exit while its processes wait, and not while one computes. */
  #ref(): void {
    this.#child.ref()
    for (const pipe of this.#pipes) pipe.ref()
  }

  #unref(): void {
    this.#child.unref()
    for (const pipe of this.#pipes) pipe.unref()
  }

  #unavailable(why: string): TroupeError {
    const words = this.#words.trim() === '' ? '' : `\n${this.#words.trim()}`
    return new TroupeError(
      'sandbox/unavailable',
      `the process of the monty sandbox (${this.#options.url.href}) did not start: ${why}. In a bundle, pass monty({ childUrl }) with the place of troupe/sandbox/monty/child${words}`,
    )
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

function flags({ readable, defences }: ProcessOptions): string[] {
  const restricted = ['--permission', '--allow-addons', ...readable.map((path) => `--allow-fs-read=${path}`)]
  return ['--no-warnings', `--max-old-space-size=${HEAP_MB}`, ...(defences.permission ? restricted : [])]
}
