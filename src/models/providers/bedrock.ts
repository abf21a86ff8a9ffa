import type { LanguageModel } from '../model.ts'
import { importPeer, optionalVariable, requiredVariable, type LoadOptions } from '../resolve.ts'

/**
 * `bedrock:MODEL` over the Converse API. Either a bearer key in AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
 * (and AWS_SESSION_TOKEN); the region from AWS_REGION or AWS_DEFAULT_REGION. Roles and profiles: give an agent the model object
 * of `createAmazonBedrock({ credentialProvider })` instead of an id.
 */
export async function loadBedrock(model: string, { baseUrl, env }: LoadOptions): Promise<LanguageModel> {
  const what = `bedrock:${model}`
  const region = requiredVariable(env, what, 'AWS_REGION', 'AWS_DEFAULT_REGION')
  const bearer = optionalVariable(env, 'AWS_BEARER_TOKEN_BEDROCK')
  const credentials = bearer
    ? { apiKey: bearer }
    : {
        apiKey: '', // else the package would look for a key in the process's variables
        accessKeyId: requiredVariable(env, what, 'AWS_ACCESS_KEY_ID', 'AWS_BEARER_TOKEN_BEDROCK'),
        secretAccessKey: requiredVariable(env, what, 'AWS_SECRET_ACCESS_KEY'),
        ...sessionToken(env),
      }
  const { createAmazonBedrock } = await importPeer('@ai-sdk/amazon-bedrock', () => import('@ai-sdk/amazon-bedrock'))
  return createAmazonBedrock({ region, ...credentials, ...(baseUrl && { baseURL: baseUrl }) })(model)
}

function sessionToken(env: LoadOptions['env']): { sessionToken?: string } {
  const token = optionalVariable(env, 'AWS_SESSION_TOKEN')
  return token ? { sessionToken: token } : {}
}
