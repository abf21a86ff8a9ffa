import type { EngineAdapter } from '../engine/engine.ts'
import { cancelConformance } from './engine-conformance/cancel.ts'
import { childConformance } from './engine-conformance/children.ts'
import { eventConformance } from './engine-conformance/events.ts'
import type { TestFramework } from './engine-conformance/harness.ts'
import { queueConformance } from './engine-conformance/queue.ts'
import { stepConformance } from './engine-conformance/steps.ts'
import { storeConformance } from './engine-conformance/store.ts'
import { waitConformance } from './engine-conformance/waits.ts'

/**
 * Everything that a place for logs has to promise, and that the runtime on top of it promises with it, as tests of the
 * given framework. `openAdapter` gives an adapter on an empty store of its own; what is opened from one adapter is one
 * store, also after all of it was closed. Needs no model and no network.
 */
export function engineConformance(name: string, openAdapter: () => EngineAdapter | Promise<EngineAdapter>, framework: TestFramework): void {
  const harness = { openAdapter, ...framework }
  framework.describe(`engine ${name}`, () => {
    storeConformance(harness)
    stepConformance(harness)
    childConformance(harness)
    waitConformance(harness)
    cancelConformance(harness)
    eventConformance(harness)
    queueConformance(harness)
  })
}
