import { type ChildProcess, fork } from 'node:child_process'
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

/** One child process with an interpreter in it. Runs one turn at a time; between turns it holds sessions that wait. */
export class GuestProcess {
  readonly #child: ChildProcess
  readonly #options: ProcessOptions
  readonly ready: Promise<void>
  #owner: TurnOwner | null = null
  #timer: NodeJS.Timeout | null = null
  #words = ''
  #isReady = false
  #isAlive = true

  constructor(options: ProcessOptions) {
    this.#options = options
    this.#child = fork(fileURLToPath(options.url), [], {
      execArgv: flags(options),
      env: options.defences.emptyEnvironment ? {} : process.env,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'json',
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ready = promise
    promise.catch(() => {})
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-WORDS)
    })
    this.#child.on('message', (message) => {
      if (!this.#isReady) {
        this.#isReady = message === READY
        if (!this.#isReady) return
        resolve()
        this.#free()
      } else this.#onMessage(message)
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
    this.#child.send(command)
    if (this.#options.defences.backstop) this.#timer = setTimeout(() => setImmediate(() => this.#overrun(owner)), limitMs)
  }

  forget(session: number): void {
    if (this.#isAlive && this.#isReady) this.#child.send({ type: 'forget', session } satisfies Command, () => {})
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

  #onMessage(message: unknown): void {
    const owner = this.#owner
    if (owner === null) return
    this.#stopWatch()
    this.#owner = null
    try {
      owner.report(this, message)
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
    this.#child.channel?.ref()
  }

  #unref(): void {
    this.#child.unref()
    this.#child.channel?.unref()
  }

  #unavailable(why: string): TroupeError {
    const words = this.#words.trim() === '' ? '' : `\n${this.#words.trim()}`
    return new TroupeError('sandbox/unavailable', `the process of the monty sandbox (${this.#options.url.href}) did not start: ${why}. In a bundle, pass monty({ childUrl }) with the place of troupe/sandbox/monty/child${words}`)
  }
}

function flags({ readable, defences }: ProcessOptions): string[] {
  const restricted = ['--permission', '--allow-addons', ...readable.map((path) => `--allow-fs-read=${path}`)]
  return ['--no-warnings', `--max-old-space-size=${HEAP_MB}`, ...(defences.permission ? restricted : [])]
}
