import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, TroupeError } from '../errors/troupe-error.ts'
import type { Agent, TroupeConfig } from '../index.ts'
import { ISOLATIONS } from '../sandbox/isolation.ts'
import { AMQP_SHAPE, QUEUE_SHAPE, shapeFault, TENANT_BUDGETS_SHAPE, unknownKey } from './config-shape.ts'
import { oneLine } from './text.ts'

const DEFAULT_FILE = 'troupe.config.ts'

const KEYS: ReadonlySet<string> = new Set<keyof TroupeConfig | 'server'>([
  'model',
  'agents',
  'tools',
  'store',
  'sandbox',
  'minimumIsolation',
  'limits',
  'prices',
  'queue',
  'tenantBudgets',
  'snapshotKey',
  'amqp',
  'server',
])

/**
 * The configuration in `path`, else in the working directory; an empty one where neither is. Throws
 * `config/missing-file`, or `config/invalid` with the reason, for a file that is no configuration.
 */
export async function loadConfig(path: string | undefined): Promise<TroupeConfig> {
  const file = resolve(path ?? DEFAULT_FILE)
  if (!existsSync(file)) {
    if (path === undefined) return {}
    throw new TroupeError('config/missing-file', `the configuration ${path} does not exist`)
  }
  return checked(await importConfig(file), path ?? DEFAULT_FILE)
}

async function importConfig(file: string): Promise<unknown> {
  let loaded: unknown
  try {
    loaded = await import(pathToFileURL(file).href)
  } catch (error) {
    throw new TroupeError(
      'config/invalid',
      `the configuration ${file}${placeIn(error, file)} cannot be loaded: ${oneLine(messageOf(error), 500)}`,
      { cause: error },
    )
  }
  return typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined
}

/** `:7` where the error tells the line. */
function placeIn(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = stack.indexOf(`${file}:`)
  return at < 0 ? '' : (/^:\d+/.exec(stack.slice(at + file.length))?.[0] ?? '')
}

function checked(value: unknown, file: string): TroupeConfig {
  const fault = (what: string): TroupeError => new TroupeError('config/invalid', `the configuration ${file} ${what}`)
  if (!isObject(value)) throw fault('has no default export: write `export default defineConfig({ … })`')
  for (const key of Object.keys(value)) {
    if (!KEYS.has(key)) throw fault(unknownKey(key, key, KEYS))
  }
  const { agents = {}, tools = [], store, model, sandbox, minimumIsolation, snapshotKey, limits = {} } = value
  if (store !== undefined && typeof store !== 'string') throw fault("must have a text as 'store', such as sqlite:PATH")
  if (model !== undefined && !isObject(model) && typeof model !== 'string') throw fault("must have a model or a model id as 'model'")
  if (sandbox !== undefined && !isObject(sandbox) && typeof sandbox !== 'string')
    throw fault("must have a sandbox or its name as 'sandbox'")
  if (minimumIsolation !== undefined && !ISOLATIONS.some((known) => known === minimumIsolation))
    throw fault(`must have one of ${ISOLATIONS.join(', ')} as 'minimumIsolation'`)
  if (snapshotKey !== undefined && snapshotKey !== false && typeof snapshotKey !== 'string')
    throw fault("must have a text as 'snapshotKey', or false")
  if (!Array.isArray(tools)) throw fault("must have an array as 'tools'")
  if (!isObject(limits)) throw fault("must have an object as 'limits'")
  for (const [key, shape] of [
    ['queue', QUEUE_SHAPE],
    ['tenantBudgets', TENANT_BUDGETS_SHAPE],
    ['amqp', AMQP_SHAPE],
  ] as const) {
    const what = value[key] === undefined ? undefined : shapeFault(key, value[key], shape)
    if (what !== undefined) throw fault(what)
  }
  const { amqp } = value
  if (isObject(amqp) && amqp['results'] !== undefined && amqp['store'] === undefined)
    throw fault("lacks 'amqp.store', the name that results come to")
  if (!isObject(agents)) throw fault("must have an object as 'agents', with agents by name")
  const seen = new Map<string, string>()
  for (const [key, agent] of Object.entries(agents)) {
    if (!isAgent(agent)) throw fault(`has something that is no agent as agents.${key}`)
    const other = seen.get(agent.name)
    // A log knows its agent by name alone, so a resume could not tell the two apart.
    if (other !== undefined) throw fault(`has two agents with the name '${agent.name}': agents.${other} and agents.${key}`)
    seen.set(agent.name, key)
  }
  return value
}

function isAgent(value: unknown): value is Agent {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['activate'] === 'function' &&
    typeof value['withDefaults'] === 'function'
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
