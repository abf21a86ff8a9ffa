import { TroupeError } from '../../errors/troupe-error.ts'
import type { Sandbox, SandboxSession } from '../sandbox.ts'
import { MODULES } from './subset.ts'
import { defaultProcesses, Pool } from './pool.ts'
import type { Defences } from './protocol.ts'
import { MontySession } from './session.ts'

export interface MontyOptions {
  /** Child processes at most, about 50 MB each. Default: the number of cores, at least 2 and at most 4. Sessions share them. */
  readonly processes?: number
  /** Where the process's file is, when the program is bundled: `import.meta.resolve('troupe/sandbox/monty/child')`. */
  readonly childUrl?: URL
}

/** A sandbox with processes of its own. Disposing of it ends them, and every session with them; a process can exit without. */
export interface MontySandbox extends Sandbox, AsyncDisposable {
  /** Ids of its live processes. */
  pids(): readonly number[]
}

/** What the prompt says of this Python. */
const NOTES = [
  `This is a small Python (Monty): functions, lambdas, comprehensions, f-strings, try/except and the usual types and methods. It has no classes, no \`yield\`, no \`match\`, no \`del\`, no decorators, no \`with\`.`,
  `It has only the modules ${MODULES}, and no clock: no \`datetime.now()\`, no \`random\`, \`collections\`, \`itertools\`, \`statistics\`, \`os\`, no packages.`,
  'Format numbers with f-strings such as `f"{x:.2f}"`: there is no `"...".format()`, no `%` formatting and no `,` for thousands. Call tools in a comprehension or loop, not in `map` or as a `key`.',
]

/** For tests alone: a sandbox with some defences switched off. */
export function montyWith(defences: Defences, { processes = defaultProcesses(), childUrl = ownChild() }: MontyOptions = {}): MontySandbox {
  if (!Number.isInteger(processes) || processes < 1)
    throw new TroupeError('config/invalid', `monty({ processes: ${processes} }): a whole number of at least 1 is needed`)
  const pool = new Pool({ processes, childUrl, defences })
  return {
    name: 'monty',
    languages: ['python'],
    capabilities: { isolation: 'interpreter', parallelCalls: false, snapshots: false, deterministic: true, fuel: false },
    notes: { python: NOTES },
    async open(open): Promise<SandboxSession> {
      if (open.language !== 'python')
        throw new TroupeError('sandbox/unavailable', `monty runs Python, not ${open.language}: choose another sandbox`)
      if (open.snapshot !== undefined)
        throw new TroupeError('sandbox/unavailable', 'monty sessions cannot be restored from a snapshot: replay the steps of the run')
      await pool.start()
      return new MontySession(pool, open, defences)
    },
    pids: () => pool.pids,
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

/** Beside this file: as TypeScript in the repository, as JavaScript in the package. Both are written out for bundlers to find. */
function ownChild(): URL {
  return import.meta.url.endsWith('.ts') ? new URL('./child.ts', import.meta.url) : new URL('./child.js', import.meta.url)
}
