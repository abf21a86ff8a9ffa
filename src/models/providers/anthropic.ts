import type { LanguageModel } from '../model.ts'
import { importPeer, optionalVariable, requiredVariable, type LoadOptions } from '../resolve.ts'
import { dropBlankVariable } from './blank-variable.ts'

const BASE_URL = 'https://api.anthropic.com/v1'

/** `anthropic:MODEL` over the Messages API. Key from ANTHROPIC_API_KEY. */
export async function loadAnthropic(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const apiKey = requiredVariable(env, `anthropic:${model}`, 'ANTHROPIC_API_KEY')
  dropBlankVariable('ANTHROPIC_BASE_URL')
  const { createAnthropic } = await importPeer('@ai-sdk/anthropic', () => import('@ai-sdk/anthropic'))
  return createAnthropic({ apiKey, baseURL: baseUrl ?? optionalVariable(env, 'ANTHROPIC_BASE_URL') ?? BASE_URL })(model)
}
