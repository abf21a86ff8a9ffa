import type { LanguageModel } from '../model.ts'
import { importPeer, requiredVariable, type LoadOptions } from '../resolve.ts'

/** `google:MODEL` over the Gemini API. Key from GOOGLE_GENERATIVE_AI_API_KEY, GEMINI_API_KEY or GOOGLE_API_KEY. */
export async function loadGoogle(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const apiKey = requiredVariable(env, `google:${model}`, 'GOOGLE_GENERATIVE_AI_API_KEY', 'GEMINI_API_KEY', 'GOOGLE_API_KEY')
  const { createGoogle } = await importPeer('@ai-sdk/google', () => import('@ai-sdk/google'))
  return createGoogle({ apiKey, ...(baseUrl && { baseURL: baseUrl }) })(model)
}
