import type { ModelReply } from '../models/model.ts'
import type { Image } from '../tools/image.ts'

/** All that an agent's run has done so far, as plain data: what its next prompt and its checks are made of. */
export interface Transcript {
  readonly agent: string
  readonly task: string
  /** Data URLs or https URLs. */
  readonly images: readonly string[]
  /** Text on the values that the caller has handed in. */
  readonly context: string
  readonly steps: readonly Step[]
  /** The runs of the session before this one, oldest first; their own `earlier` is empty. */
  readonly earlier: readonly Transcript[]
}

interface StepHead {
  /** From 1; a plan has the number of the step that it was made before. */
  readonly step: number
  readonly reply: ModelReply
  /** Why the final answer of this step was not accepted. */
  readonly rejected?: string
}

/** One turn of the model, and what came of it. */
export type Step =
  | (StepHead & { readonly type: 'plan' })
  /** Code was run; `observation` is what the model is shown of it. */
  | (StepHead & {
      readonly type: 'code'
      readonly code: string
      readonly observation: string
      /** Those that the observation names, by their number. */
      readonly images?: readonly Image[]
      readonly error?: string
    })
  /** Tools were called, natively or as JSON in text; results are in the order of the calls. */
  | (StepHead & { readonly type: 'calls'; readonly results: readonly CallResult[]; readonly isInText?: true })
  /** A plain answer in words. */
  | (StepHead & { readonly type: 'answer' })
  /** The answer could not be used: the model's fault, told to it. */
  | (StepHead & { readonly type: 'fault'; readonly fault: string })
  /** The last word after a limit: the best answer that there is. */
  | (StepHead & { readonly type: 'last'; readonly reason: string })

export interface CallResult {
  /** Unique among the calls of its step, whatever the model wrote. */
  readonly id: string
  readonly tool: string
  /** What the model is shown. */
  readonly text: string
  readonly isError: boolean
  /** Those that `text` names and no result before it in the step has shown. */
  readonly images?: readonly Image[]
}

export function withStep(transcript: Transcript, step: Step): Transcript {
  return { ...transcript, steps: [...transcript.steps, step] }
}

/** How many steps towards the limit have been taken: plans and the last word are none. */
export function stepsTaken({ steps }: Transcript): number {
  return steps.filter((step) => step.type !== 'plan' && step.type !== 'last').length
}

/** The images that a step shows its model. */
export function imagesOf(step: Step): readonly Image[] {
  if (step.type === 'code') return step.images ?? []
  return step.type === 'calls' ? step.results.flatMap((result) => result.images ?? []) : []
}

/** What went wrong in a step, in the words that the model was told; nothing when nothing did. */
export function errorOf(step: Step): string | undefined {
  if (step.rejected !== undefined) return step.rejected
  if (step.type === 'fault') return step.fault
  if (step.type === 'code') return step.error
  if (step.type === 'last') return step.reason
  if (step.type === 'calls') return step.results.find((result) => result.isError)?.text
  return undefined
}
