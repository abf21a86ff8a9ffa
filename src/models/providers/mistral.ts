import type { LanguageModel } from '../model.ts'
import { importPeer, requiredVariable, type LoadOptions } from '../resolve.ts'

/** `mistral:MODEL`. Key from MISTRAL_API_KEY. */
export async function loadMistral(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const apiKey = requiredVariable(env, `mistral:${model}`, 'MISTRAL_API_KEY')
  const { createMistral } = await importPeer('@ai-sdk/mistral', () => import('@ai-sdk/mistral'))
  return createMistral({ apiKey, ...(baseUrl && { baseURL: baseUrl }) })(model)
}
