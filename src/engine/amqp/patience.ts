import { TroupeError } from '../../errors/troupe-error.ts'
import type { Delivery, Verdict } from './consumer.ts'
import { pause } from './pause.ts'
import { AMQP_DEFAULTS } from './settings.ts'

/** A fault that somebody else has to mend first: the message is held meanwhile, and tried again. */
export interface Wait {
  readonly type: 'wait'
  readonly ms: number
  /** Tell it, once. */
  readonly trouble?: TroupeError
}

/**
 * Tries until there is a verdict. A held message counts against the prefetch, so a full queue or a store that is away slows
 * down what the broker delivers, and nothing counts against the delivery limit. Held for `holdMs` it goes to the end of its queue.
 */
export async function patiently(
  delivery: Delivery,
  onTrouble: ((error: TroupeError) => void) | undefined,
  attempt: () => Promise<Verdict | Wait>,
  holdMs: number = AMQP_DEFAULTS.holdMs,
): Promise<Verdict> {
  const begun = performance.now()
  let isTold = false
  for (;;) {
    const found = await attempt()
    if (found.type !== 'wait') return found
    if (found.trouble && !isTold) onTrouble?.(found.trouble)
    isTold ||= found.trouble !== undefined
    await pause(found.ms, delivery.signal)
    if (delivery.signal.aborted) return { type: 'again' } // The broker has it back already.
    if (performance.now() - begun > holdMs) return { type: 'last' }
  }
}

/** A fault of the store or of this process that goes away by itself: wait; null for faults that stay. */
export function waitFor(error: unknown): Wait | null {
  if (TroupeError.is(error, 'engine/closed')) return { type: 'wait', ms: AMQP_DEFAULTS.retryMs } // Its consumer is about to close too.
  if (TroupeError.is(error) && !error.retryable) return null
  return { type: 'wait', ms: AMQP_DEFAULTS.retryMs, trouble: TroupeError.wrap(error, 'engine/store-failed') }
}
