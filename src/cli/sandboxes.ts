import { homedir } from 'node:os'
import { join } from 'node:path'
import { TroupeError } from '../errors/troupe-error.ts'
import type { Language, Sandbox } from '../sandbox/sandbox.ts'
import { assertNever } from '../util/assert-never.ts'
import { usageError } from './flags.ts'

/** The sandboxes that `--sandbox` and the configuration may name. */
export const SANDBOX_NAMES = ['quickjs', 'monty', 'bubblewrap', 'container', 'gvisor'] as const

type SandboxName = (typeof SANDBOX_NAMES)[number]

/** Where the root tree of bubblewrap is: TROUPE_SANDBOX_ROOTFS, else where `sandbox build` makes it. */
export function rootTree(): string {
  return (
    process.env['TROUPE_SANDBOX_ROOTFS'] ??
    (process.getuid?.() === 0 ? '/var/cache/troupe/rootfs' : join(homedir(), '.cache/troupe/rootfs'))
  )
}

/** The image of containers: TROUPE_SANDBOX_IMAGE, better by digest. */
export function sandboxImage(): string {
  return process.env['TROUPE_SANDBOX_IMAGE'] ?? 'troupe/sandbox:dev'
}

/** Python packages that code may import, by TROUPE_SANDBOX_PACKAGES; a sandbox in the configuration names its own. */
function packages(): readonly string[] {
  return (process.env['TROUPE_SANDBOX_PACKAGES'] ?? '').split(',').filter((name) => name !== '')
}

/** Loads a sandbox by its name. Throws `config/invalid` for a name that is none, `sandbox/unavailable` for one that is not there. */
export async function sandboxOf(name: string): Promise<Sandbox> {
  if (!isSandboxName(name)) throw usageError(`unknown sandbox "${name}": there are ${SANDBOX_NAMES.join(', ')}`)
  switch (name) {
    case 'quickjs':
      return (await import('../sandbox/quickjs/quickjs.ts')).quickjs()
    case 'monty':
      return (await import('../sandbox/monty/monty.ts')).monty()
    case 'bubblewrap':
      return (await import('../sandbox/bubblewrap/bubblewrap.ts')).bubblewrap({ rootfs: rootTree(), packages: packages() })
    case 'container':
    case 'gvisor': {
      const socketPath = process.env['TROUPE_DOCKER_SOCKET']
      return (await import('../sandbox/container/container.ts')).container({
        runtime: name === 'gvisor' ? 'runsc' : 'runc',
        image: sandboxImage(),
        packages: packages(),
        ...(socketPath !== undefined && { socketPath }),
      })
    }
    default:
      return assertNever(name)
  }
}

/** The sandbox that is named, else the light one of the language. Throws `sandbox/unavailable` when it does not run the language. */
export async function sandboxFor(language: Language, named: string | Sandbox | undefined): Promise<Sandbox> {
  const sandbox = typeof named === 'object' ? named : await sandboxOf(named ?? (language === 'typescript' ? 'quickjs' : 'monty'))
  if (sandbox.languages.includes(language)) return sandbox
  throw new TroupeError('sandbox/unavailable', `the sandbox ${sandbox.name} does not run ${language}, but ${sandbox.languages.join(', ')}`)
}

export function languageOf(text: string | undefined): Language | undefined {
  if (text === undefined || text === 'typescript' || text === 'python') return text
  throw usageError(`unknown language "${text}": write typescript or python`)
}

function isSandboxName(name: string): name is SandboxName {
  return SANDBOX_NAMES.some((known) => known === name)
}
