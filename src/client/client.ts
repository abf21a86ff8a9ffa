/** The door of everything that reads runs from outside: wire types, and the folds that make sense of a log. */
export { callIdOf, isEntry, LOG_VERSION } from './entry.ts'
export { openWaitsOf, statusOf, stepsOf, treeUsageOf, usageOf } from './fold.ts'
export { eventOf, summaryOf } from './project.ts'
export { addUsage, NO_USAGE } from './usage.ts'
export { whyOf } from './why.ts'

export type { AnswerBody, CallBody, Entry, EntryBodies, EntryType, Memo, NewEntry, RunInput, RunStatus, Wait, WaitReason } from './entry.ts'
export type { EventBodies, EventOf, EventType, RunEvent, RunSummary, TransientEvent } from './event.ts'
export type { LoggedStatus } from './fold.ts'
export type { EventSource } from './project.ts'
export type { Usage } from './usage.ts'
export type { Place, QueuePlace, Why, WhySource, WhyWait } from './why.ts'
