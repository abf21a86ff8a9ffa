import type { LanguageModel } from '../model.ts'
import { importPeer, requiredVariable, type LoadOptions } from '../resolve.ts'

/** `azure:DEPLOYMENT` over the Responses API (v1). Key from AZURE_API_KEY, address from the base URL or AZURE_RESOURCE_NAME. */
export async function loadAzure(deployment: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const what = `azure:${deployment}`
  const apiKey = requiredVariable(env, what, 'AZURE_API_KEY')
  const address = baseUrl ? { baseURL: baseUrl } : { resourceName: requiredVariable(env, what, 'AZURE_RESOURCE_NAME') }
  const { createAzure } = await importPeer('@ai-sdk/azure', () => import('@ai-sdk/azure'))
  return createAzure({ apiKey, ...address })(deployment)
}
