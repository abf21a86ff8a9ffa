import { TroupeError } from '../../errors/troupe-error.ts'
import { detach } from '../../util/detach.ts'
import type { Ownership } from '../engine.ts'
import type { Database } from './database.ts'
import { raised } from './pg-fault.ts'
import type { RowArrays } from './rows.ts'
import type { Ticket } from './ticket.ts'

export interface WriteRequest {
  /** The same for the same entries, however often they are sent: an append whose answer was lost is not repeated. */
  readonly id: string
  readonly run: string
  readonly epoch: number | null
  readonly ticket: Ticket | null
  readonly rows: RowArrays
  /** Begins the log, which must not be there, in the name of a run that must be the caller's. */
  readonly begin?: { readonly session: string | null; readonly under: Ownership | null }
}

interface Waiting {
  readonly request: WriteRequest
  readonly resolve: (seq: number) => void
  readonly reject: (error: TroupeError) => void
}

interface Answer {
  readonly seq: number | null
  readonly code: string | null
  readonly message: string | null
  readonly key: string | null
}

/** Requests in one statement; what comes meanwhile goes with the next. */
const MAX_BATCH = 1_000
const MAX_BATCH_CHARACTERS = 4_000_000
const CALL =
  'write_all($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::text[], $14::text[], $15::integer[])'

/**
 * Sends what this process writes to logs in the order in which it was asked for, one statement and one commit after the
 * other, each with all that has come meanwhile. A refused request spoils only itself.
 */
export class WriteQueue {
  readonly #database: Database
  #waiting: Waiting[] = []
  #isSending = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(database: Database) {
    this.#database = database
  }

  /** Resolves when what was asked for before has been answered: who reads sees his own writes. */
  settled(): Promise<unknown> {
    return this.#last
  }

  /** Gives the seq of the first entry. */
  add(request: WriteRequest): Promise<number> {
    const written = new Promise<number>((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      if (this.#isSending) return
      this.#isSending = true
      detach(this.#sendAll())
    })
    this.#last = written.catch(() => {})
    return written
  }

  async #sendAll(): Promise<void> {
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#send(this.#take())
    this.#isSending = false
  }

  #take(): readonly Waiting[] {
    let characters = 0
    let count = 0
    while (count < this.#waiting.length && count < MAX_BATCH && characters < MAX_BATCH_CHARACTERS) {
      for (const body of this.#waiting[count]?.request.rows.bodies ?? []) characters += body.length
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const requests = batch.map(({ request }) => request)
    try {
      const answers = await this.#database.query<Answer>(`select seq, code, message, key from ${this.#database.schemas.own}.${CALL}`, [
        requests.map(({ id }) => id),
        requests.map(({ run }) => run),
        requests.map(({ epoch }) => epoch),
        requests.map(({ ticket }) => ticket?.workflow ?? null),
        requests.map(({ ticket }) => ticket?.executor ?? null),
        requests.map(({ ticket }) => ticket?.token ?? null),
        requests.map(({ rows }) => rows.types.length),
        requests.flatMap(({ rows }) => rows.keys),
        requests.flatMap(({ rows }) => rows.ats),
        requests.flatMap(({ rows }) => rows.types),
        requests.flatMap(({ rows }) => rows.bodies),
        requests.map(({ begin }) => begin !== undefined),
        requests.map(({ begin }) => begin?.session ?? null),
        requests.map(({ begin }) => begin?.under?.run ?? null),
        requests.map(({ begin }) => begin?.under?.epoch ?? null),
      ])
      for (const [index, { resolve, reject }] of batch.entries()) {
        const { seq = null, code = null, message = null, key = null } = answers[index] ?? {}
        if (seq !== null) resolve(seq)
        else reject(raised(code ?? '', message ?? 'the store gave no answer', key))
      }
    } catch (error) {
      for (const { reject } of batch) reject(TroupeError.wrap(error, 'engine/store-failed'))
    }
  }
}
