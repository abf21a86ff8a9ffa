import { TroupeError } from '../errors/troupe-error.ts'

export interface Warm {
  readonly isAlive: boolean
  end(): Promise<void>
}

/** Guests that are started before anyone needs them, by kind. Each is used once. */
export class WarmPool<Guest extends Warm> implements AsyncDisposable {
  readonly #start: (kind: string) => Promise<Guest>
  readonly #warm: number
  readonly #ready = new Map<string, Promise<Guest>[]>()
  readonly #taken = new Set<Guest>()
  #isClosed = false

  /** `warm`: how many of a kind are kept ready, from the first time on that one of that kind was taken. */
  constructor(warm: number, start: (kind: string) => Promise<Guest>) {
    this.#warm = warm
    this.#start = start
  }

  /** One that is ready, else a new one. What makes it impossible is thrown here, and never from behind. */
  async take(kind: string): Promise<Guest> {
    this.#assertOpen()
    const ready = this.#ready.get(kind) ?? []
    for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
      const guest = await next.catch(() => null)
      if (!guest?.isAlive) continue
      return this.#give(kind, guest)
    }
    return this.#give(kind, await this.#start(kind))
  }

  /** Starts what is to be ready for `kind`, and waits for it. */
  async warmUp(kind: string): Promise<void> {
    this.#assertOpen()
    this.#fill(kind)
    await Promise.all(this.#ready.get(kind) ?? [])
  }

  /** `guest` has ended. */
  left(guest: Guest): void {
    this.#taken.delete(guest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const waiting = [...this.#ready.values()].flat()
    this.#ready.clear()
    await Promise.all([
      ...[...this.#taken].map((guest) => guest.end()),
      ...waiting.map((guest) =>
        guest.then(
          (ready) => ready.end(),
          () => {},
        ),
      ),
    ])
  }

  async #give(kind: string, guest: Guest): Promise<Guest> {
    if (this.#isClosed) {
      await guest.end()
      this.#assertOpen()
    }
    this.#taken.add(guest)
    this.#fill(kind)
    return guest
  }

  #fill(kind: string): void {
    const ready = this.#ready.get(kind) ?? []
    this.#ready.set(kind, ready)
    while (ready.length < this.#warm) {
      const guest = this.#start(kind)
      guest.catch(() => {}) // The one who takes it next starts another and is told why that fails.
      ready.push(guest)
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new TroupeError('sandbox/closed', 'the sandbox has been closed: make a new one', { retryable: false })
  }
}
