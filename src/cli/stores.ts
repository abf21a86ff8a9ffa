import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { EngineAdapter } from '../engine/engine.ts'
import { QUEUE_DEFAULTS } from '../engine/queue.ts'
import { openRuntime, type Runtime, type RuntimeOptions } from '../engine/runtime.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { TroupeConfig } from '../index.ts'
import type { FlagValues } from './command.ts'
import { loadConfig } from './config.ts'
import { textFlag, usageError } from './flags.ts'

const DEFAULT_STORE = 'sqlite:.troupe/troupe.db'

/** Where logs are kept, as `--store` and the configuration name it. */
export type StoreAddress =
  | { readonly type: 'memory'; readonly url: string }
  | { readonly type: 'sqlite'; readonly url: string; readonly path: string }
  /** `url` is for people: without the password that `connection` has. */
  | { readonly type: 'postgres'; readonly url: string; readonly connection: string }

/** Parses the address of a store; `undefined` gives the default. Throws `config/invalid`. */
export function storeAddress(url: string = DEFAULT_STORE): StoreAddress {
  if (url === 'memory:') return { type: 'memory', url }
  if (/^postgres(ql)?:/.test(url)) return { type: 'postgres', url: withoutPassword(url), connection: url }
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : ''
  if (path === ':memory:') throw usageError(`store "${url}" would forget everything: write memory: if that is meant`)
  if (path === '') throw usageError(`unknown store "${url}": write memory:, sqlite:PATH or postgres://…`)
  return { type: 'sqlite', url, path: resolve(path) }
}

/** What the configuration says of the runs of a store, whoever begins them. */
export function storeOptions({ queue, tenantBudgets, snapshotKey }: TroupeConfig): StoreOptions {
  return {
    ...(snapshotKey !== undefined && { snapshotKey }),
    ...(queue?.admission && { admission: { maxDepth: QUEUE_DEFAULTS.maxDepth, ...queue.admission } }),
    ...(tenantBudgets && { tenantBudgets }),
  }
}

export interface StoreOptions extends Omit<RuntimeOptions, 'engine'> {
  readonly snapshotKey?: string | false
}

/** Opens a store. Whatever keeps it from opening is the caller's to correct: throws `config/…`. */
export async function openStore(address: StoreAddress, { snapshotKey, ...options }: StoreOptions = {}): Promise<Runtime> {
  const engine = await engineOf(address, snapshotKey ?? process.env['TROUPE_SNAPSHOT_KEY'])
  try {
    return await openRuntime({ engine, ...options })
  } catch (error) {
    if (!TroupeError.is(error) || error.code.startsWith('config/')) throw error
    throw new TroupeError('config/invalid', error.message, { cause: error })
  }
}

/**
 * The store that a command about existing runs means; null where there is none yet, for looking at runs makes no file.
 * The configuration is read only where no flag names the store.
 */
export async function findStore(flags: FlagValues): Promise<Runtime | null> {
  const address = await addressFrom(flags)
  return address.type === 'postgres' || existsSync(address.path) ? openStore(address) : null
}

/** The same for a run that has to be there. Throws `run/not-found`. */
export async function storeOf(runId: string, flags: FlagValues): Promise<Runtime> {
  const runtime = await findStore(flags)
  if (runtime) return runtime
  throw new TroupeError('run/not-found', `no run ${runId}: there is no store ${(await addressFrom(flags)).url} yet`)
}

async function addressFrom(flags: FlagValues): Promise<KeptAddress> {
  return keptAddress(textFlag(flags, 'store') ?? (await loadConfig(textFlag(flags, 'config'))).store)
}

/** A store that outlives its process. */
export type KeptAddress = Exclude<StoreAddress, { type: 'memory' }>

/** Parses the address of a store in which other processes find runs. Throws `config/invalid`. */
export function keptAddress(url: string | undefined): KeptAddress {
  const address = storeAddress(url)
  if (address.type !== 'memory') return address
  throw usageError('a store memory: keeps no runs after its process: name another with --store')
}

function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url)
    if (parsed.password !== '') parsed.password = '***'
    return parsed.href
  } catch {
    throw usageError('the store is no postgres:// URL: write postgres://USER:PASSWORD@HOST:PORT/DATABASE') // Without repeating it: it may hold a password.
  }
}

async function dbosEngine(url: string): Promise<EngineAdapter> {
  try {
    return (await import('../engine/dbos/dbos.ts')).dbos({ url })
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new TroupeError('config/missing-package', 'a postgres:// store needs two packages: npm install pg @dbos-inc/dbos-sdk@5.3.0', {
      cause: error,
    })
  }
}

async function engineOf(address: StoreAddress, snapshotKey: string | false | undefined): Promise<EngineAdapter> {
  if (address.type === 'memory') return (await import('../engine/memory/memory.ts')).memory()
  if (address.type === 'postgres') return dbosEngine(address.connection)
  return (await import('../engine/sqlite/sqlite.ts')).sqlite({ path: address.path, ...(snapshotKey !== undefined && { snapshotKey }) })
}
