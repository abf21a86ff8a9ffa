import { TroupeError } from '../errors/troupe-error.ts'
import type { Language, Sandbox } from '../sandbox/sandbox.ts'
import { assertNever } from '../util/assert-never.ts'
import { usageError } from './flags.ts'

/** The sandboxes that `--sandbox` and the configuration may name. */
export const SANDBOX_NAMES = ['quickjs', 'monty', 'bubblewrap', 'container', 'gvisor'] as const

type SandboxName = (typeof SANDBOX_NAMES)[number]

/** Loads a sandbox by its name. Throws `config/invalid` for a name that is none, `sandbox/unavailable` for one that is not there. */
export async function sandboxOf(name: string): Promise<Sandbox> {
  if (!isSandboxName(name)) throw usageError(`unknown sandbox "${name}": there are ${SANDBOX_NAMES.join(', ')}`)
  switch (name) {
    case 'quickjs':
      return (await import('../sandbox/quickjs/quickjs.ts')).quickjs()
    case 'monty':
      return (await import('../sandbox/monty/monty.ts')).monty()
    case 'bubblewrap':
    case 'container':
    case 'gvisor':
      throw new TroupeError(
        'sandbox/unavailable',
        `the sandbox ${name} is not built yet; there are quickjs, for TypeScript, and monty, for Python`,
      )
    default:
      return assertNever(name)
  }
}

/** The sandbox that is named, else the light one of the language. Throws `sandbox/unavailable` when it does not run the language. */
export async function sandboxFor(language: Language, name: string | undefined): Promise<Sandbox> {
  const sandbox = await sandboxOf(name ?? (language === 'typescript' ? 'quickjs' : 'monty'))
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
