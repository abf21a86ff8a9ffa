import type Docker from 'dockerode'
import type { Readable } from 'node:stream'
import type { Death } from '../guest-session.ts'
import { LABEL, OWNER_LABEL, ownLabels } from './daemon.ts'

const KILLED = 128 + 9
/** How long the daemon's word on an end may come after the end. */
const WAIT_MS = 1_000
/** Ends that nobody asked about are forgotten, oldest first. */
const MAX_KEPT = 1_000

interface Seen {
  exitCode: number | null
  ranOutOfMemory: boolean
  tell: ((death: Death | null) => void) | null
}

/** The daemon's events about our containers: how each one ended. A container that has ended is removed, and can be asked no more. */
export class Deaths {
  readonly #seen = new Map<string, Seen>()
  #stream: Readable | null = null

  async listen(docker: Docker): Promise<void> {
    const owner = `${OWNER_LABEL}=${ownLabels()[OWNER_LABEL]}`
    this.#stream = (await docker.getEvents({ filters: { type: ['container'], event: ['die', 'oom'], label: [LABEL, owner] } })) as Readable
    // It must not keep the process alive.
    ;(this.#stream as Readable & { socket?: { unref(): void } }).socket?.unref()
    let rest = ''
    this.#stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') this.#onEvent(line)
    })
    const gone = (): void => {
      this.#stream = null
    }
    this.#stream.on('error', gone)
    this.#stream.on('close', gone)
  }

  get isListening(): boolean {
    return this.#stream !== null
  }

  /** How a container ended; null when the daemon does not say. */
  async of(id: string): Promise<Death | null> {
    const seen = this.#at(id)
    if (seen.exitCode !== null) return this.#take(id, seen)
    const told = Promise.withResolvers<Death | null>()
    seen.tell = told.resolve
    const timer = setTimeout(() => told.resolve(null), WAIT_MS)
    const death = await told.promise
    clearTimeout(timer)
    this.#seen.delete(id)
    return death
  }

  close(): void {
    this.#stream?.destroy()
    this.#stream = null
  }

  #onEvent(line: string): void {
    let event: { Action?: string; status?: string; id?: string; Actor?: { ID?: string; Attributes?: Record<string, string> } }
    try {
      event = JSON.parse(line)
    } catch {
      return
    }
    const id = event.Actor?.ID ?? event.id
    if (id === undefined) return
    const seen = this.#at(id)
    if ((event.Action ?? event.status) === 'oom') seen.ranOutOfMemory = true
    else seen.exitCode = Number(event.Actor?.Attributes?.['exitCode'] ?? Number.NaN)
    if (seen.exitCode !== null && seen.tell !== null) seen.tell(this.#take(id, seen))
  }

  #take(id: string, { exitCode, ranOutOfMemory }: Seen): Death {
    this.#seen.delete(id)
    if (ranOutOfMemory) return { type: 'memory' }
    if (exitCode === KILLED) return { type: 'lost', how: 'its container was killed' }
    return { type: 'exit', how: exitCode !== null && exitCode > 128 ? `signal ${exitCode - 128}` : `exit code ${exitCode}` }
  }

  #at(id: string): Seen {
    const known = this.#seen.get(id)
    if (known !== undefined) return known
    const fresh: Seen = { exitCode: null, ranOutOfMemory: false, tell: null }
    this.#seen.set(id, fresh)
    for (const old of this.#seen.keys()) {
      if (this.#seen.size <= MAX_KEPT) break
      this.#seen.delete(old)
    }
    return fresh
  }
}
