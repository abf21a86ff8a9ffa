import type { LanguageModel } from '../model.ts'
import { importPeer, optionalVariable, requiredVariable, type LoadOptions } from '../resolve.ts'
import { dropBlankVariable } from './blank-variable.ts'

const BASE_URL = 'https://api.openai.com/v1'

/** `openai:MODEL` over the Responses API. Key from OPENAI_API_KEY, address from OPENAI_BASE_URL where that is set. */
export async function loadOpenAi(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const apiKey = requiredVariable(env, `openai:${model}`, 'OPENAI_API_KEY')
  dropBlankVariable('OPENAI_BASE_URL')
  const { createOpenAI } = await importPeer('@ai-sdk/openai', () => import('@ai-sdk/openai'))
  return createOpenAI({ apiKey, baseURL: baseUrl ?? optionalVariable(env, 'OPENAI_BASE_URL') ?? BASE_URL })(model)
}
