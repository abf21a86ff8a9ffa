/** The door of test help: models without a provider, crashes at every entry, and the suites that every adapter has to pass. */
export { approveAll, crashEverywhere } from './crash-runner.ts'
export { CrashingEngine, ReplayEngine } from './crashing-store.ts'
export { changedEntries, firstDifference, repeatedKeys } from './compare-logs.ts'
export { engineConformance } from './engine-conformance.ts'
export { openAiServer } from './openai-server.ts'
export { sandboxConformance } from './sandbox-conformance.ts'
export { scriptedModel } from './scripted-model.ts'
export { memoryTape } from '../models/tape/tape.ts'

export type { CrashCase, CrashReport } from './crash-runner.ts'
