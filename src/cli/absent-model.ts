import { TroupeError } from '../errors/troupe-error.ts'
import type { LanguageModel } from '../models/model.ts'

export interface AbsentModel {
  readonly model: LanguageModel
  /** Rejects with `config/invalid` when an agent asks it. */
  readonly asked: Promise<never>
}

/**
 * Stands in where nothing names a model and a run goes on that had one: that it is missing here is no outcome of the
 * run, so the question is left open, this process gives the run up, and it can be resumed with the model.
 */
export function absentModel(): AbsentModel {
  const asked = Promise.withResolvers<never>()
  asked.promise.catch(() => {})
  const refuse = (): Promise<never> => {
    asked.reject(new TroupeError('config/invalid', 'an agent of this run has no model: name the one that it had with --model'))
    return new Promise<never>(() => {})
  }
  const model = {
    specificationVersion: 'v4',
    provider: 'troupe',
    modelId: 'absent',
    supportedUrls: {},
    doGenerate: refuse,
    doStream: refuse,
  } as const
  return { model, asked: asked.promise }
}
