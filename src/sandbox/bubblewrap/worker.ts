import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { TroupeError } from '../../errors/troupe-error.ts'
import { LineCutter } from '../guest-lines.ts'
import { READY_LINE } from '../guest-wire.ts'
import type { Death, GuestOwner, GuestWorker } from '../guest-session.ts'
import type { Limits } from '../limits.ts'
import type { Warm } from '../warm-pool.ts'
import type { Defences } from './defences.ts'
import { Cgroup, type CgroupTree } from './cgroup.ts'

export interface WorkerOptions {
  readonly bwrap: string
  /** Arguments of bwrap and the command of the guest. */
  readonly args: readonly string[]
  readonly boot: string | null
  readonly filter: Buffer | null
  readonly cgroups: CgroupTree
  readonly defences: Defences
  readonly onEnd: (worker: BubblewrapWorker) => void
}

/** Enters the groups whose doors are named before `--`, then becomes bwrap: nothing runs outside of them, not for a moment. */
const ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 97; shift; done; shift; exec "$@"'
const START_MS = 20_000
const REMOVE_MS = 5_000
const POLL_MS = 5
/** What a guest says on its standard streams before it has an owner: the reason why it did not start. */
const MAX_FIRST_WORDS = 4_000
const KILLED = 128 + 9

/** Groups that are not removed yet, for the exit of the process. */
const live = new Set<Cgroup>()
let isExitWatched = false

/** One guest in bubblewrap. */
export class BubblewrapWorker implements GuestWorker, Warm {
  readonly rawStreams: readonly number[] = [1, 2]
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  readonly #cgroup: Cgroup
  readonly #options: WorkerOptions
  readonly #lines = new LineCutter()
  readonly #commands: Socket
  readonly #gone: Promise<void>
  #owner: GuestOwner | null = null
  #firstWords = ''
  #onReady: (() => void) | null = null
  #death: Death | null = null
  #ended: Promise<void> | null = null

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#cgroup = new Cgroup(options.cgroups)
    live.add(this.#cgroup)
    watchExit()
    const { bwrap, args, boot, filter } = options
    this.#child = spawn('/bin/sh', ['-c', ENTER, 'sh', ...this.#cgroup.entrances, '--', bwrap, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', filter === null ? 'ignore' : 'pipe'],
      cwd: '/',
      env: options.defences.environment ? {} : process.env,
    })
    const [, stdout, stderr, commands, frames, filterPipe] = this.#child.stdio as (Socket | null)[]
    const closed = Promise.withResolvers<void>()
    this.#gone = closed.promise
    const ready = Promise.withResolvers<void>()
    this.ready = ready.promise
    ready.promise.catch(() => {})
    const timer = setTimeout(() => ready.reject(unavailable(`it did not answer within ${START_MS / 1000} s`)), START_MS)
    this.#onReady = (): void => {
      clearTimeout(timer)
      ready.resolve()
      this.keepAlive(false)
    }
    this.#child.on('error', (error) => {
      clearTimeout(timer)
      ready.reject(unavailable(error.message))
      closed.resolve()
    })
    // `close`, not `exit`: what it said last has been read then.
    this.#child.on('close', (code, signal) => {
      clearTimeout(timer)
      closed.resolve()
      ready.reject(unavailable(this.#firstWords.trim() || `it ended with ${signal ?? `code ${code}`}`))
      this.#die(this.#deathOf(code, signal))
    })
    this.#commands = commands as Socket
    for (const pipe of [stdout, stderr, commands, frames, filterPipe]) pipe?.on('error', () => {}) // EPIPE of a guest that is gone: `close` says so
    frames?.on('data', (chunk: Buffer) => this.#onFrames(chunk))
    for (const [at, pipe] of [stdout, stderr].entries()) pipe?.setEncoding('utf8').on('data', (text: string) => this.#onOutput(text, at))
    if (filter !== null) filterPipe?.end(filter)
    if (boot !== null) this.send(boot)
  }

  get isAlive(): boolean {
    return this.#death === null && this.#ended === null
  }

  limit(limits: Limits): void {
    this.#cgroup.limit(limits, this.#options.defences)
  }

  attach(owner: GuestOwner): void {
    this.#owner = owner
    if (this.#death !== null) owner.ended(this.#death)
  }

  send(line: string): void {
    if (!this.#commands.destroyed) this.#commands.write(line + '\n')
  }

  keepAlive(isBusy: boolean): void {
    for (const handle of [this.#child, ...this.#pipes()]) {
      if (isBusy) handle.ref()
      else handle.unref()
    }
  }

  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  #pipes(): readonly Socket[] {
    return (this.#child.stdio as (Socket | null)[]).filter((pipe): pipe is Socket => pipe !== null && !pipe.destroyed)
  }

  async #end(): Promise<void> {
    this.#child.kill('SIGKILL')
    this.#cgroup.kill()
    this.keepAlive(true)
    // The kernel takes a moment to be rid of them all; a group can be removed when it is.
    for (const until = performance.now() + REMOVE_MS; ;) {
      if (this.#cgroup.remove()) break
      if (performance.now() > until) break // stays in `live`: the exit of the process tries once more, and so does the next start
      this.#cgroup.kill()
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    await this.#gone
    if (this.#cgroup.remove()) live.delete(this.#cgroup)
    for (const pipe of this.#pipes()) pipe.destroy()
    this.#options.onEnd(this)
  }

  #onFrames(chunk: Buffer): void {
    const lines = this.#lines.push(chunk, this.#owner?.maxLine ?? MAX_FIRST_WORDS)
    if (lines === null) {
      this.#owner?.overlong()
      return
    }
    for (const line of lines) {
      if (this.#ended !== null) return
      if (this.#owner !== null) this.#owner.line(line)
      else if (line === READY_LINE) this.#onReady?.()
    }
  }

  #onOutput(text: string, stream: number): void {
    if (this.#owner !== null) this.#owner.output(text, stream)
    else if (this.#firstWords.length < MAX_FIRST_WORDS) this.#firstWords += text.slice(0, MAX_FIRST_WORDS)
  }

  #deathOf(code: number | null, signal: NodeJS.Signals | null): Death {
    if (this.#cgroup.ranOutOfMemory) return { type: 'memory' }
    if (signal !== null || code === KILLED) return { type: 'lost', how: `its process was killed (${signal ?? 'SIGKILL'})` }
    return { type: 'exit', how: code !== null && code > 128 ? `signal ${code - 128}` : `exit code ${code}` }
  }

  #die(death: Death): void {
    this.#death ??= death
    const isOurs = this.#ended !== null
    this.end().catch(() => {}) // never fails: see there
    if (!isOurs) this.#owner?.ended(death)
  }
}

/** A host that exits takes its guests along: bwrap dies with its parent, and the groups are removed here. */
function watchExit(): void {
  if (isExitWatched) return
  isExitWatched = true
  process.on('exit', () => {
    for (const group of live) group.kill()
    for (let tries = 0; live.size > 0 && tries < 100; tries++) {
      for (const group of live) {
        group.kill()
        if (group.remove()) live.delete(group)
      }
      if (live.size > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
    }
  })
}

function unavailable(why: string): TroupeError {
  return new TroupeError('sandbox/unavailable', `the guest of the bubblewrap sandbox did not start: ${why}`)
}
