import type { Socket } from 'node:net'
import type Docker from 'dockerode'
import { LineCutter } from '../guest-lines.ts'
import type { Death, GuestOwner, GuestWorker } from '../guest-session.ts'
import { READY_LINE } from '../guest-wire.ts'
import type { Warm } from '../warm-pool.ts'
import { missing, type Runtime } from './daemon.ts'
import { Demux } from './demux.ts'

export interface WorkerOptions {
  readonly docker: Docker
  readonly settings: Docker.ContainerCreateOptions
  readonly runtime: Runtime
  readonly boot: string | null
  readonly deaths: { of(id: string): Promise<Death | null> }
  readonly onEnd: (worker: ContainerWorker) => void
}

const START_MS = 30_000
const MAX_FIRST_WORDS = 4_000

/** One guest in a container. */
export class ContainerWorker implements GuestWorker, Warm {
  /** The daemon has one way for both (see settings.ts). */
  readonly rawStreams: readonly number[] = [2]
  readonly #options: WorkerOptions
  readonly #container: Docker.Container
  readonly #socket: Socket
  readonly #lines = new LineCutter()
  readonly #decoder = new TextDecoder()
  readonly #ready = Promise.withResolvers<void>()
  #owner: GuestOwner | null = null
  #firstWords = ''
  #death: Death | null = null
  #ended: Promise<void> | null = null

  /** Makes, attaches and starts a container, and waits for its guest. Throws `sandbox/unavailable`; nothing is left then. */
  static async start(options: WorkerOptions): Promise<ContainerWorker> {
    const { docker, settings, runtime, boot } = options
    let container: Docker.Container
    try {
      container = await docker.createContainer(settings)
    } catch (error) {
      throw missing(`the daemon makes no container: ${(error as Error).message}`, error)
    }
    let worker: ContainerWorker | null = null
    try {
      const socket = (await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true })) as Socket
      worker = new ContainerWorker(options, container, socket)
      await container.start()
      await assertRuntime(container, runtime)
      if (boot !== null) worker.send(boot)
      await worker.#whenReady()
      return worker
    } catch (error) {
      const words = worker === null ? '' : worker.#firstWords.trim()
      await (worker === null ? container.remove({ force: true }).catch(() => {}) : worker.end())
      throw missing(`the container did not start: ${words || (error as Error).message}`, error)
    }
  }

  private constructor(options: WorkerOptions, container: Docker.Container, socket: Socket) {
    this.#options = options
    this.#container = container
    this.#socket = socket
    this.#ready.promise.catch(() => {})
    const demux = new Demux((stream, piece) => (stream === 'frames' ? this.#onFrames(piece) : this.#onOutput(piece)))
    socket.on('data', (chunk: Buffer) => demux.push(chunk))
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => void this.#closed())
  }

  get isAlive(): boolean {
    return this.#death === null && this.#ended === null && !this.#socket.destroyed
  }

  attach(owner: GuestOwner): void {
    this.#owner = owner
    if (this.#death !== null) owner.ended(this.#death)
  }

  send(line: string): void {
    if (this.#socket.writable) this.#socket.write(line + '\n')
  }

  keepAlive(isBusy: boolean): void {
    if (isBusy) this.#socket.ref()
    else this.#socket.unref()
  }

  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    try {
      await this.#container.remove({ force: true, v: true })
    } catch {
      // The daemon removes it by itself already, or has gone, and the sweep of the next start finds it.
    }
    this.#socket.destroy()
    this.#options.onEnd(this)
  }

  async #whenReady(): Promise<void> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(missing(`no answer within ${START_MS / 1000} s`)), START_MS)
    try {
      await Promise.race([this.#ready.promise, late.promise])
    } finally {
      clearTimeout(timer)
    }
    this.keepAlive(false)
  }

  #onFrames(piece: Buffer): void {
    const lines = this.#lines.push(piece, this.#owner?.maxLine ?? MAX_FIRST_WORDS)
    if (lines === null) {
      this.#owner?.overlong()
      return
    }
    for (const line of lines) {
      if (this.#ended !== null) return
      if (this.#owner !== null) this.#owner.line(line)
      else if (line === READY_LINE) this.#ready.resolve()
    }
  }

  #onOutput(piece: Buffer): void {
    const text = this.#decoder.decode(piece, { stream: true })
    if (this.#owner !== null) this.#owner.output(text, 0)
    else if (this.#firstWords.length < MAX_FIRST_WORDS) this.#firstWords += text.slice(0, MAX_FIRST_WORDS)
  }

  async #closed(): Promise<void> {
    this.#ready.reject(missing('it ended at once'))
    if (this.#ended !== null) return
    const death = (await this.#options.deaths.of(this.#container.id)) ?? { type: 'lost', how: 'the connection to its container ended' }
    if (this.#ended !== null) return
    this.#death = death
    this.end().catch(() => {}) // never fails: see there
    this.#owner?.ended(death)
  }
}

/** What a container really runs on is looked at: a daemon may take another runtime than the one that was asked for. */
async function assertRuntime(container: Docker.Container, runtime: Runtime): Promise<void> {
  const inspected = (await container.inspect()) as { HostConfig?: { Runtime?: string }; OCIRuntime?: string }
  const real = inspected.OCIRuntime ?? inspected.HostConfig?.Runtime ?? 'unknown'
  if (runtime === 'runsc' && !/runsc/.test(real)) throw missing(`it runs on ${real}, and gVisor (runsc) was asked for`)
}
