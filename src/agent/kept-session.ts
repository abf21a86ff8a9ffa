import type { Snapshot } from '../sandbox/sandbox.ts'
import { openEnvelope, packEnvelope } from '../util/envelope.ts'

/** Where in a step a session stood when it was kept. */
export interface StepPosition {
  /** How many answers of calls the guest had been given. */
  readonly settled: number
  /** What the step had printed. */
  readonly prints: readonly string[]
}

/** A session as it is kept while its run waits: a snapshot, and what of the run's log is in it. */
export interface KeptSession {
  readonly snapshot: Snapshot
  /** The steps that made its world, oldest first; with `at`, the last one is still running. */
  readonly steps: readonly string[]
  readonly at: StepPosition | null
}

export function packKept({ snapshot, steps, at }: KeptSession): Uint8Array {
  const position = at && { settled: at.settled, prints: [...at.prints] }
  return packEnvelope({ key: snapshot.key, steps: [...steps], at: position }, snapshot.blob)
}

/** Null for bytes that are none of ours. */
export function unpackKept(bytes: Uint8Array): KeptSession | null {
  const opened = openEnvelope(bytes)
  if (opened === null) return null
  const { key, steps, at } = Object(opened.header) as { key?: unknown; steps?: unknown; at?: unknown }
  if (typeof key !== 'string' || !isTexts(steps) || !isPosition(at)) return null
  return { snapshot: { key, blob: opened.body }, steps, at }
}

function isPosition(at: unknown): at is StepPosition | null {
  if (at === null) return true
  const { settled, prints } = Object(at) as Partial<StepPosition>
  return Number.isInteger(settled) && isTexts(prints)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
