import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { RunContext } from '../engine/context.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import { askModel } from '../models/ask.ts'
import type { LanguageModel, ModelReply, ModelRequest } from '../models/model.ts'

export interface Question extends Omit<ModelRequest, 'prompt'> {
  readonly agent: string
  readonly model: LanguageModel | undefined
  readonly step: number
  readonly key: string
  readonly prompt: LanguageModelV4Prompt
}

/** Asks the agent's model as one logged effect: once answered, it is never asked again. Streams what comes to listeners. */
export async function ask(ctx: RunContext, { agent, model, step, key, ...request }: Question): Promise<ModelReply> {
  if (!model) throw new TroupeError('config/invalid', `agent ${agent} has no model: give it one, or a default in the configuration or with --model`)
  const mark = { agent, run: pathOf(ctx.runId), step: key }
  return ctx.step(
    key,
    ({ signal, live }) =>
      askModel(
        model,
        { ...request, providerOptions: { ...request.providerOptions, troupe: mark } },
        { signal, onDelta: ({ attempt, text }) => live({ type: 'model-delta', step, attempt, text }) },
      ),
    { type: 'model-end', fields: { step } },
  )
}

/** A run's place in its tree, without the root's random id: the same whenever the same run is made again. */
function pathOf(runId: string): string {
  return runId.split('-').slice(1).join('-')
}
