import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import type { LanguageModel } from './model.ts'

/** The variables of a process, or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface ResolveOptions {
  /** Where the provider is reached; default: its own address, or the variable it has for that. */
  readonly baseUrl?: string
  /** Default: the process's variables. An empty variable is a missing one. */
  readonly env?: Environment
}

/** Makes the model of one provider from what follows the prefix; all that can be missing is checked here, before anything runs. */
export type ModelLoader = (name: string, options: LoadOptions) => Promise<LanguageModel>

export interface LoadOptions {
  readonly baseUrl?: string
  readonly env: Environment
}

/** A function from `PREFIX:NAME` to its model, over the given loaders. Throws `model/unknown` for an id none of them is for. */
export function resolverOf(
  loaders: Readonly<Record<string, ModelLoader>>,
  defaultEnv: Environment,
): (id: string, options?: ResolveOptions) => Promise<LanguageModel> {
  return async (id, { baseUrl, env = defaultEnv } = {}) => {
    const colon = id.indexOf(':')
    const prefix = id.slice(0, Math.max(0, colon))
    const name = id.slice(colon + 1).trim()
    const load = Object.hasOwn(loaders, prefix) ? loaders[prefix] : undefined
    if (!load || name === '') {
      const known = Object.keys(loaders)
        .map((each) => `${each}:…`)
        .join(', ')
      const why = load
        ? `it names no model after "${prefix}:"`
        : colon < 0
          ? 'it has no provider before a colon'
          : `no provider "${prefix}"`
      throw new TroupeError('model/unknown', `unknown model "${id}": ${why}; ids are ${known}`, { details: { id } })
    }
    const url = baseUrl?.trim()
    if (url && !isHttp(url)) throw new TroupeError('config/invalid', `the base URL "${url}" is no http or https URL`)
    return load(name, { env, ...(url && { baseUrl: url }) })
  }
}

/** The first of the variables that is set and not blank. */
export function optionalVariable(env: Environment, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = env[name]?.trim()
    if (value) return value
  }
  return undefined
}

/** The same, or `config/missing-key`, which names the first variable and says whether it was missing or empty. */
export function requiredVariable(env: Environment, what: string, ...names: readonly [string, ...string[]]): string {
  const value = optionalVariable(env, ...names)
  if (value !== undefined) return value
  const empty = names.find((name) => env[name] !== undefined)
  const others = names.length > 1 ? ` (or ${names.slice(1).join(', ')})` : ''
  throw new TroupeError('config/missing-key', `${what}: the environment variable ${names[0]}${others} is ${empty ? 'empty' : 'not set'}`, {
    details: { variable: names[0] },
  })
}

/** Loads an optional peer. Throws `config/missing-package` with the line that installs it. */
export async function importPeer<T>(packageName: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const missing =
      error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${packageName}'`)
    if (!missing)
      throw new TroupeError('config/missing-package', `the package ${packageName} cannot be loaded: ${messageOf(error)}`, { cause: error })
    throw new TroupeError('config/missing-package', `the package ${packageName} is not installed: npm install ${packageName}`, {
      cause: error,
      details: { package: packageName },
    })
  }
}

function isHttp(url: string): boolean {
  const { protocol } = URL.parse(url) ?? {}
  return protocol === 'http:' || protocol === 'https:'
}
