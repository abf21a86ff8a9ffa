import { TroupeError } from '../errors/troupe-error.ts'
import type { LogStore, SessionKey } from './engine.ts'

/** Keeps the runs of a session in one line: one after the other, each knowing those before it. */
export class Sessions {
  readonly #store: LogStore
  /** Session by the run that this process has begun in it. */
  readonly #live = new Map<string, string>()

  constructor(store: LogStore) {
    this.#store = store
  }

  /** The ended runs of the session, oldest first. Throws `session/busy` while one has not ended, here or in the store. */
  async begin(session: SessionKey, run: string): Promise<readonly string[]> {
    const name = JSON.stringify([session.tenant ?? null, session.agent, session.id])
    const busy = [...this.#live].find(([, live]) => live === name)
    if (busy) throw isBusy(session, busy[0])
    this.#live.set(run, name)
    const heads = await this.#store.heads({ rootsOnly: true, session })
    const open = heads.find((head) => head.run !== run && head.last.type !== 'run-end')
    if (open) throw isBusy(session, open.run)
    return heads.map((head) => head.run).toReversed()
  }

  /**
   * Makes sure, once the run's log has begun, that no other process has begun one of the same session before it. Drops
   * the log and throws `session/busy` when one has.
   */
  async confirm(session: SessionKey, run: string): Promise<void> {
    const heads = await this.#store.heads({ rootsOnly: true, session })
    const earlier = heads.slice(heads.findIndex((head) => head.run === run) + 1).find((head) => head.last.type !== 'run-end')
    if (!earlier) return
    await this.#store.drop(run)
    throw isBusy(session, earlier.run)
  }

  end(run: string): void {
    this.#live.delete(run)
  }
}

function isBusy({ id, agent }: SessionKey, run: string): TroupeError {
  return new TroupeError(
    'session/busy',
    `session '${id}' of agent ${agent} has run ${run}, which has not ended: wait for it, resume it or cancel it`,
    {
      details: { session: id, run },
    },
  )
}
