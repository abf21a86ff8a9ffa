import { readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TroupeError } from '../../errors/troupe-error.ts'
import { GuestProcess, type TurnOwner } from './guest-process.ts'
import type { Command, Defences } from './protocol.ts'

/** The version that is built and tested against: another may not keep what this adapter relies on. */
const MONTY_VERSION = '0.0.18'
const INSTALL = `version ${MONTY_VERSION}: npm install --save-exact @pydantic/monty@${MONTY_VERSION}`

export interface PoolOptions {
  readonly processes: number
  readonly childUrl: URL
  readonly defences: Defences
}

/** A session that wants a turn. */
export interface Turn extends TurnOwner {
  /** The process that holds its paused state. */
  readonly home: GuestProcess | null
  /** The command for this process, which may hold the session or not, and the milliseconds it may take. */
  command(process: GuestProcess): { readonly command: Command; readonly limitMs: number }
  /** No process can be had. */
  failed(error: TroupeError): void
}

export function defaultProcesses(): number {
  return Math.min(4, Math.max(2, availableParallelism()))
}

/** The processes of one sandbox. A turn takes a free one, preferably that which holds its session; one that ended is replaced at once. */
export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #processes = new Set<GuestProcess>()
  readonly #queue: Turn[] = []
  #readable: readonly string[] | null = null
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get pids(): readonly number[] {
    return [...this.#processes].flatMap(({ pid }) => pid ?? [])
  }

  /** Starts the first process. Throws `sandbox/unavailable` when the interpreter is not installed or no process can be started. */
  async start(): Promise<void> {
    this.#assertOpen()
    this.#readable ??= readablePaths(this.#options.childUrl)
    const [first] = this.#processes
    await (first ?? this.#spawn()).ready
  }

  /** Runs a turn as soon as a process is free. */
  submit(turn: Turn): void {
    const free = turn.home?.isFree ? turn.home : [...this.#processes].find(({ isFree }) => isFree)
    if (free !== undefined) return dispatch(free, turn)
    this.#queue.push(turn)
    try {
      this.#assertOpen()
      const canHeal = this.#options.defences.heal || this.#processes.size > 0
      if (canHeal && this.#processes.size < this.#options.processes) this.#spawn()
    } catch (error) {
      this.withdraw(turn)
      turn.failed(TroupeError.wrap(error, 'sandbox/unavailable'))
    }
  }

  /** Takes a turn back that has not begun. */
  withdraw(turn: Turn): void {
    const at = this.#queue.indexOf(turn)
    if (at >= 0) this.#queue.splice(at, 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (const process of this.#processes) process.kill()
    for (const turn of this.#queue.splice(0)) turn.failed(closedSandbox())
  }

  #spawn(): GuestProcess {
    const { childUrl: url, defences } = this.#options
    const started = new GuestProcess({
      url,
      readable: this.#readable ?? [],
      defences,
      onFree: (process) => {
        const next = this.#queue.shift()
        if (next !== undefined) dispatch(process, next)
      },
      onEnd: (process) => this.#ended(process),
    })
    this.#processes.add(started)
    started.ready.catch((error: unknown) => {
      // A process that cannot be started will not be a second time either.
      for (const turn of this.#queue.splice(0)) turn.failed(TroupeError.wrap(error, 'sandbox/unavailable'))
    })
    void started.ready.then(
      () => this.#started.add(started),
      () => {},
    )
    return started
  }

  readonly #started = new WeakSet<GuestProcess>()

  #ended(process: GuestProcess): void {
    this.#processes.delete(process)
    if (this.#isClosed || !this.#options.defences.heal || !this.#started.has(process)) return
    this.#spawn()
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closedSandbox()
  }
}

function dispatch(process: GuestProcess, turn: Turn): void {
  const { command, limitMs } = turn.command(process)
  process.run(turn, command, limitMs)
}

/** The folders of our own code and of the interpreter, as they really are: links are followed before rights are looked at. */
function readablePaths(childUrl: URL): readonly string[] {
  const require = createRequire(import.meta.url)
  let entry: string
  try {
    entry = require.resolve('@pydantic/monty')
  } catch (error) {
    throw new TroupeError('sandbox/unavailable', `the sandbox monty needs the package @pydantic/monty, ${INSTALL}`, { cause: error })
  }
  const child = fileURLToPath(childUrl)
  // The adapter's own file tells where all our code is: two folders up is the root of src/ or dist/.
  const own = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  const scope = dirname(dirname(entry))
  const paths = [own, join(own, '..', 'package.json'), dirname(child), scope, ...platformPackages(entry)]
  return [...new Set(paths.flatMap((path) => [path, real(path)]))].map((path) => (path.endsWith('.json') ? path : path + sep + '*'))
}

/** The folders of the native binaries; one of them is installed. Throws `sandbox/unavailable` for a version that this adapter does not know. */
function platformPackages(entry: string): readonly string[] {
  const require = createRequire(entry)
  const { version, optionalDependencies = {} } = JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')) as Manifest
  if (version !== MONTY_VERSION)
    throw new TroupeError('sandbox/unavailable', `@pydantic/monty ${version} is installed, and the sandbox monty needs ${INSTALL}`)
  return Object.keys(optionalDependencies).flatMap((name) => {
    try {
      return [dirname(require.resolve(name))]
    } catch {
      return []
    }
  })
}

interface Manifest {
  readonly version: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function closedSandbox(): TroupeError {
  return new TroupeError('sandbox/closed', 'the sandbox has been closed: make a new one', { retryable: false })
}
