import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { Defences } from './protocol.ts'
import { Thread } from './thread.ts'

export interface PoolOptions {
  /** Threads at most; they are started when the ones there are all computing. */
  readonly workers: number
  readonly workerUrl: URL
  readonly wasmUrl: URL | undefined
  readonly defences: Defences
}

export function defaultWorkers(): number {
  return Math.min(4, Math.max(2, availableParallelism()))
}

/** The worker threads of one sandbox. Sessions share them; a thread that ended is replaced when it is needed. */
export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #threads = new Set<Thread>()
  #module: Promise<Compiled> | null = null
  #wasm: WebAssembly.Module | null = null
  /** Of the interpreter's file; '' before `start`. */
  wasmHash = ''
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Starts the first thread. Throws `sandbox/unavailable` when the interpreter or the worker file is not to be had. */
  async start(): Promise<void> {
    this.#assertOpen()
    this.#module ??= compile(this.#options.wasmUrl)
    try {
      const { module, hash } = await this.#module
      this.#wasm = module
      this.wasmHash = hash
    } catch (error) {
      this.#module = null
      throw new TroupeError(
        'sandbox/unavailable',
        'the QuickJS interpreter could not be loaded: is the package quickjs-wasi installed? In a bundle, pass quickjs({ wasmUrl })',
        { cause: error },
      )
    }
    this.#assertOpen()
    const [first] = this.#threads
    await (first ?? this.#spawn()).ready
  }

  /** The thread for a session's first step: one that computes nothing now, a new one where all compute, else the least busy. */
  place(): Thread {
    this.#assertOpen()
    let best: Thread | undefined
    for (const thread of this.#threads) {
      if (thread.isFit && (best === undefined || thread.load < best.load || (thread.load === best.load && thread.size < best.size)))
        best = thread
    }
    return best === undefined || (best.load > 0 && this.#threads.size < this.#options.workers) ? this.#spawn() : best
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (const thread of this.#threads)
      thread.end(new TroupeError('sandbox/closed', 'the sandbox was closed with this session open', { retryable: false }))
    this.#threads.clear()
  }

  #spawn(): Thread {
    if (this.#wasm === null) throw new TroupeError('sandbox/closed', 'the sandbox has not been started')
    const { workerUrl: url, defences } = this.#options
    const thread = new Thread({ url, wasm: this.#wasm, defences, onEnd: (ended) => this.#threads.delete(ended) })
    this.#threads.add(thread)
    return thread
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new TroupeError('sandbox/closed', 'the sandbox has been closed: make a new one', { retryable: false })
  }
}

/** Compiled once in a process and shared by its threads. */
async function compile(url: URL | undefined): Promise<Compiled> {
  const bytes = await readFile(url ?? createRequire(import.meta.url).resolve('quickjs-wasi/quickjs.wasm'))
  return { module: await WebAssembly.compile(bytes), hash: createHash('sha256').update(bytes).digest('hex') }
}

interface Compiled {
  readonly module: WebAssembly.Module
  readonly hash: string
}
