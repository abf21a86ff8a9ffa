import { TroupeError } from '../../errors/troupe-error.ts'
import type { LanguageModel } from '../model.ts'
import { importPeer, optionalVariable, type LoadOptions } from '../resolve.ts'

/**
 * `openai-compatible:MODEL`: any server with OpenAI's chat completions (vLLM, Ollama, llama.cpp, TGI, LM Studio). The address must be
 * given, as base URL or OPENAI_BASE_URL; the key is OPENAI_COMPATIBLE_API_KEY, else OPENAI_API_KEY, else none is sent.
 */
export async function loadOpenAiCompatible(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const baseURL = baseUrl ?? optionalVariable(env, 'OPENAI_BASE_URL')
  if (!baseURL) {
    throw new TroupeError(
      'config/invalid',
      `openai-compatible:${model} needs the server's address: --base-url URL or the environment variable OPENAI_BASE_URL, for example http://localhost:11434/v1 (Ollama)`,
    )
  }
  const apiKey = optionalVariable(env, 'OPENAI_COMPATIBLE_API_KEY', 'OPENAI_API_KEY')
  const { createOpenAICompatible } = await importPeer('@ai-sdk/openai-compatible', () => import('@ai-sdk/openai-compatible'))
  return createOpenAICompatible({ name: 'openai-compatible', baseURL, includeUsage: true, ...(apiKey && { apiKey }) })(model)
}
