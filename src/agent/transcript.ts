import type { ModelReply } from '../models/model.ts'

/** All that an agent's run has done so far, as plain data: what its next prompt and its checks are made of. */
export interface Transcript {
  readonly agent: string
  readonly task: string
  /** Data URLs or https URLs. */
  readonly images: readonly string[]
  /** Text on the values that the caller has handed in. */
  readonly context: string
  readonly steps: readonly Step[]
}

/** One turn of the model, and what came of it. `step` counts from 1. */
export type Step =
  /** Code was run; `observation` is what the model is shown of it. */
  | { readonly type: 'action'; readonly step: number; readonly reply: ModelReply; readonly code: string; readonly observation: string; readonly error?: string }
  /** The answer could not be used: the model's fault, told to it. */
  | { readonly type: 'fault'; readonly step: number; readonly reply: ModelReply; readonly fault: string }
  /** A final answer that did not pass. */
  | { readonly type: 'rejected'; readonly step: number; readonly reply: ModelReply; readonly code: string; readonly observation: string; readonly reasons: string }

export function withStep(transcript: Transcript, step: Step): Transcript {
  return { ...transcript, steps: [...transcript.steps, step] }
}

/** What went wrong in a step, in the words that the model was told; nothing when nothing did. */
export function errorOf(step: Step): string | undefined {
  if (step.type === 'fault') return step.fault
  if (step.type === 'rejected') return step.reasons
  return step.error
}
