import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { EngineAdapter } from '../engine/engine.ts'
import { openRuntime, type Runtime, type RuntimeOptions } from '../engine/runtime.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { FlagValues } from './command.ts'
import { loadConfig } from './config.ts'
import { notBuilt, textFlag, usageError } from './flags.ts'

const DEFAULT_STORE = 'sqlite:.troupe/troupe.db'

/** Where logs are kept, as `--store` and the configuration name it. */
export type StoreAddress =
  | { readonly type: 'memory'; readonly url: string }
  | { readonly type: 'sqlite'; readonly url: string; readonly path: string }

/** Parses the address of a store; `undefined` gives the default. Throws `config/invalid`. */
export function storeAddress(url: string = DEFAULT_STORE): StoreAddress {
  if (url === 'memory:') return { type: 'memory', url }
  if (/^postgres(ql)?:/.test(url)) throw notBuilt('a postgres:// store')
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : ''
  if (path === ':memory:') throw usageError(`store "${url}" would forget everything: write memory: if that is meant`)
  if (path === '') throw usageError(`unknown store "${url}": write memory: or sqlite:PATH`)
  return { type: 'sqlite', url, path: resolve(path) }
}

/** Opens a store. Whatever keeps it from opening is the caller's to correct: throws `config/…`. */
export async function openStore(address: StoreAddress, options: Omit<RuntimeOptions, 'engine'> = {}): Promise<Runtime> {
  const engine = await engineOf(address)
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
  return existsSync(address.path) ? openStore(address) : null
}

/** The same for a run that has to be there. Throws `run/not-found`. */
export async function storeOf(runId: string, flags: FlagValues): Promise<Runtime> {
  const runtime = await findStore(flags)
  if (runtime) return runtime
  throw new TroupeError('run/not-found', `no run ${runId}: there is no store ${(await addressFrom(flags)).url} yet`)
}

async function addressFrom(flags: FlagValues): Promise<Extract<StoreAddress, { type: 'sqlite' }>> {
  const address = storeAddress(textFlag(flags, 'store') ?? (await loadConfig(textFlag(flags, 'config'))).store)
  if (address.type === 'sqlite') return address
  throw usageError('a store memory: keeps no runs after its process: name another with --store')
}

async function engineOf(address: StoreAddress): Promise<EngineAdapter> {
  if (address.type === 'memory') return (await import('../engine/memory/memory.ts')).memory()
  return (await import('../engine/sqlite/sqlite.ts')).sqlite({ path: address.path })
}
