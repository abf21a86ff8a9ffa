import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import type { Opened, OperationName, Operations, Reply, Request, WorkerSetup } from './operations.ts'

interface Pending {
  resolve(give: unknown): void
  reject(error: TroupeError): void
}

/**
 * The asking side of the worker thread that holds the file. What is asked in one tick goes as one message; an answer
 * comes after its commit. While nothing is asked the thread keeps no process alive.
 */
export class WorkerLink implements AsyncDisposable {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #outbox: Request[] = []
  #ids = 0
  #fault: TroupeError | null = null
  #closed: Promise<void> | null = null

  private constructor(worker: Worker, path: string) {
    this.#worker = worker
    worker.on('message', (replies: readonly Reply[]) => this.#settle(replies))
    worker.on('error', (error) => this.#die(`its worker thread failed: ${messageOf(error)}`, path))
    worker.on('exit', () => this.#die('its worker thread has ended', path))
    worker.unref()
  }

  /** Resolves when the worker has the file; rejects with why it has not. */
  static async open(workerUrl: URL, setup: WorkerSetup): Promise<WorkerLink> {
    const worker = new Worker(workerUrl, { workerData: setup, name: 'troupe-sqlite', execArgv: [] })
    const opened = await firstMessage(worker, setup.path)
    if (opened.ok) return new WorkerLink(worker, setup.path)
    await worker.terminate()
    throw TroupeError.from(opened.error)
  }

  async ask<Name extends OperationName>(name: Name, ask: Operations[Name]['ask']): Promise<Operations[Name]['give']> {
    if (this.#closed) throw new TroupeError('engine/closed', 'the store was closed: open it again')
    if (this.#fault) throw this.#fault
    return this.#send(name, ask)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    if (!this.#fault) await this.#send('close', null).catch(() => {})
    await this.#worker.terminate()
  }

  #send<Name extends OperationName>(name: Name, ask: Operations[Name]['ask']): Promise<Operations[Name]['give']> {
    const id = ++this.#ids
    if (this.#pending.size === 0) this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (give) => resolve(give as Operations[Name]['give']), reject })
      // After all promises that are ready now: parallel branches that go on together write together.
      if (this.#outbox.length === 0) process.nextTick(() => this.#flush())
      this.#outbox.push({ id, name, ask } as Request)
    })
  }

  #flush(): void {
    const requests = this.#outbox
    this.#outbox = []
    this.#worker.postMessage(requests) // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
  }

  #settle(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const pending = this.#pending.get(reply.id)
      this.#pending.delete(reply.id)
      if (reply.ok) pending?.resolve(reply.give)
      else pending?.reject(TroupeError.from(reply.error))
    }
    if (this.#pending.size === 0) this.#worker.unref()
  }

  #die(what: string, path: string): void {
    this.#fault ??= new TroupeError('engine/store-failed', `store ${path}: ${what}; open it again`, { retryable: false })
    for (const { reject } of this.#pending.values()) reject(this.#fault)
    this.#pending.clear()
  }
}

async function firstMessage(worker: Worker, path: string): Promise<Opened> {
  const gone = new AbortController()
  worker.once('exit', () => gone.abort())
  try {
    const [opened] = await once(worker, 'message', { signal: gone.signal })
    return opened as Opened
  } catch (error) {
    throw new TroupeError(
      'engine/store-failed',
      `store ${path}: its worker thread did not start: ${messageOf(error)}. In a bundle, pass sqlite({ workerUrl }) with the place of troupe/engine/sqlite/worker`,
      { retryable: false, cause: error },
    )
  }
}
