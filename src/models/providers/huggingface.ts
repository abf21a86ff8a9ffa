import type { LanguageModel } from '../model.ts'
import { importPeer, requiredVariable, type LoadOptions } from '../resolve.ts'

/** `huggingface:ORG/MODEL` over the router of the inference providers. Key from HUGGINGFACE_API_KEY or HF_TOKEN. */
export async function loadHuggingFace(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const apiKey = requiredVariable(env, `huggingface:${model}`, 'HUGGINGFACE_API_KEY', 'HF_TOKEN')
  const { createHuggingFace } = await importPeer('@ai-sdk/huggingface', () => import('@ai-sdk/huggingface'))
  return createHuggingFace({ apiKey, ...(baseUrl && { baseURL: baseUrl }) })(model)
}
