import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { TroupeError } from '../../errors/troupe-error.ts'

const run = promisify(execFile)
const MAX_OUTPUT = 16 * 1_048_576
/** Interpreters and packages change; the base is what they were tried on. */
const SUITE = 'bookworm'

export interface TreeOptions {
  /** Where the tree is to be; one that is there is replaced when the new one is whole. */
  readonly dir: string
  /** Python packages, by the names that Debian gives them after `python3-`. */
  readonly packages: readonly string[]
  /** The Node binary that goes into the tree. */
  readonly node: string
}

export interface BuiltTree {
  readonly dir: string
  readonly seconds: number
  readonly megabytes: number
}

/**
 * Makes a root tree with CPython, packages and Node by mmdebstrap: 1 to 5 minutes, some 400 MB with pandas, and the Debian
 * mirror must be reachable. Throws `sandbox/unavailable` when mmdebstrap is missing or fails.
 */
export async function buildTree({ dir, packages, node }: TreeOptions): Promise<BuiltTree> {
  const began = performance.now()
  const bad = packages.find((name) => !/^[a-z0-9][a-z0-9+.-]*$/.test(name))
  if (bad !== undefined) throw new TroupeError('config/invalid', `'${bad}' is no name of a package`)
  const next = `${dir}.next`
  await mkdir(dirname(dir), { recursive: true })
  await rm(next, { recursive: true, force: true })
  const include = ['python3', ...packages.map((name) => `python3-${name}`)].join(',')
  const without = ['man', 'doc', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  try {
    await run('mmdebstrap', ['--quiet', '--variant=minbase', `--include=${include}`, ...without, SUITE, next], { maxBuffer: MAX_OUTPUT })
  } catch (error) {
    await rm(next, { recursive: true, force: true })
    const { code, stderr } = error as { code?: string | number; stderr?: string }
    if (code === 'ENOENT') throw failed('mmdebstrap is not installed: apt-get install mmdebstrap', error)
    throw failed((stderr ?? '').trim().split('\n').slice(-3).join(' ') || 'mmdebstrap failed', error)
  }
  await copyFile(node, join(next, 'usr/local/bin/node'))
  await chmod(join(next, 'usr/local/bin/node'), 0o755)
  await chmod(next, 0o755)
  await rm(dir, { recursive: true, force: true })
  await rename(next, dir)
  const megabytes = await sizeOf(dir)
  await writeFile(`${dir}.size`, `${megabytes}\n`)
  return { dir, seconds: Math.round((performance.now() - began) / 1_000), megabytes }
}

/** Megabytes on disk. Throws where there is no such directory. */
async function sizeOf(dir: string): Promise<number> {
  await stat(dir)
  const { stdout } = await run('du', ['-sm', dir])
  return Number.parseInt(stdout, 10)
}

function failed(why: string, cause: unknown): TroupeError {
  return new TroupeError('sandbox/unavailable', `the root tree could not be made: ${why}`, { cause })
}
