import { TroupeError } from '../errors/troupe-error.ts'
import type { Performed, QueueTurn } from './queue.ts'

/** Performs a turn of a queue; what it throws is a fault, never the outcome of the run. Never rejects. */
export async function performTurn(perform: (turn: QueueTurn) => Promise<Performed>, turn: QueueTurn): Promise<Performed> {
  try {
    return await perform(turn)
  } catch (error) {
    return { type: 'broken', error: TroupeError.wrap(error, 'engine/store-failed') }
  }
}
