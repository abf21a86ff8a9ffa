import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { OpenOptions } from '../sandbox.ts'
import { preludeSource } from './prelude.ts'
import type { Defences } from './protocol.ts'
import { setupOf } from './session.ts'

/** Changes with the layout of what a snapshot holds. */
const FORMAT = 1

/** Of everything that must be the same where a snapshot is restored: interpreter, prelude, machine, limits, tools, context. */
export function snapshotKey(wasmHash: string, options: OpenOptions, defences: Defences): string {
  const parts = [FORMAT, engineVersion(), wasmHash, process.arch, preludeSource(defences), options.limits, setupOf(options)]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** In a bundle the package may not be there beside: its interpreter's hash says enough then. */
function engineVersion(): string {
  try {
    const { version } = createRequire(import.meta.url)('quickjs-wasi/package.json') as { version: string }
    return version
  } catch {
    return ''
  }
}
