import { TroupeError } from '../../errors/troupe-error.ts'
import { detach } from '../../util/detach.ts'
import type { Database } from './database.ts'
import { raised } from './pg-fault.ts'
import type { RowArrays } from './rows.ts'
import type { Ticket } from './ticket.ts'

export interface AppendRequest {
  /** The same for the same entries, however often they are sent: an append whose answer was lost is not repeated. */
  readonly id: string
  readonly run: string
  readonly epoch: number | null
  readonly ticket: Ticket | null
  readonly rows: RowArrays
}

interface Waiting {
  readonly request: AppendRequest
  readonly resolve: (seq: number) => void
  readonly reject: (error: TroupeError) => void
}

/** Statements under way at once, and entries in one of them: what comes meanwhile goes with the next. */
const LANES = 2
const MAX_BATCH = 500
const MAX_BATCH_CHARACTERS = 4_000_000

/** Sends appends that are asked for at about the same time as one statement and one commit. A refused one spoils only itself. */
export class AppendBatch {
  readonly #database: Database
  #waiting: Waiting[] = []
  /** Runs of which a statement is under way. */
  readonly #busy = new Set<string>()
  readonly #lanes: boolean[] = Array.from({ length: LANES }, () => false)

  constructor(database: Database) {
    this.#database = database
  }

  add(request: AppendRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      const lane = this.#lanes.indexOf(false)
      if (lane < 0) return
      this.#lanes[lane] = true
      detach(this.#sendAll(lane))
    })
  }

  async #sendAll(lane: number): Promise<void> {
    await Promise.resolve()
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      const runs = batch.map(({ request }) => request.run)
      for (const run of runs) this.#busy.add(run)
      await this.#send(batch)
      for (const run of runs) this.#busy.delete(run)
    }
    this.#lanes[lane] = false
  }

  /**
   * What comes next, without the runs of which another statement is under way: that lane takes them when it is done.
   * By run, so that two statements of two processes lock runs in the same order; a run's own appends stay in theirs.
   */
  #take(): readonly Waiting[] {
    let characters = 0
    const taken: Waiting[] = []
    const left: Waiting[] = []
    for (const waiting of this.#waiting) {
      const { run, rows } = waiting.request
      if (taken.length >= MAX_BATCH || characters >= MAX_BATCH_CHARACTERS || this.#busy.has(run)) {
        left.push(waiting)
        continue
      }
      for (const body of rows.bodies) characters += body.length
      taken.push(waiting)
    }
    this.#waiting = left
    return taken.toSorted((a, b) => (a.request.run < b.request.run ? -1 : a.request.run > b.request.run ? 1 : 0))
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const requests = batch.map(({ request }) => request)
    const sql = `select seq, code, message from ${this.#database.schemas.own}.append_all($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
    try {
      const answers = await this.#database.query<{ seq: number | null; code: string | null; message: string | null }>(sql, [
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
      ])
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index]
        if (answer?.seq !== null && answer?.seq !== undefined) resolve(answer.seq)
        else reject(raised(answer?.code ?? '', answer?.message ?? 'the store gave no answer'))
      }
    } catch (error) {
      for (const { reject } of batch) reject(TroupeError.wrap(error, 'engine/store-failed'))
    }
  }
}
