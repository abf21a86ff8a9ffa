import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { TroupeError } from '../../errors/troupe-error.ts'

const run = promisify(execFile)
const MAX_OUTPUT = 16 * 1_048_576
const MAX_WORDS = 2_000
/** Interpreters and packages change; the base is what they were tried on. */
const SUITE = 'bookworm'

export interface TreeOptions {
  /** Where the tree is to be; one that is there is replaced when the new one is whole. */
  readonly dir: string
  readonly from: TreeSource
  /** The Node binary that goes into the tree, where it has none. */
  readonly node: string
}

export type TreeSource =
  /** A Debian mirror; Python packages by the names that Debian gives them after `python3-`. */
  | { readonly type: 'debian'; readonly packages: readonly string[] }
  /** The files of a container image, as one tar archive. */
  | { readonly type: 'image'; tar(): Promise<Readable> }

export interface BuiltTree {
  readonly dir: string
  readonly seconds: number
  readonly megabytes: number
}

/**
 * Makes a root tree with CPython, packages and Node: from a Debian mirror by mmdebstrap (1 to 5 minutes, some 400 MB with
 * pandas), or from an image (seconds). Throws `sandbox/unavailable` when that cannot be; what was at `dir` stays then.
 */
export async function buildTree({ dir, from, node }: TreeOptions): Promise<BuiltTree> {
  const began = performance.now()
  const bad = from.type === 'debian' ? from.packages.find((name) => !/^[a-z0-9][a-z0-9+.-]*$/.test(name)) : undefined
  if (bad !== undefined) throw new TroupeError('config/invalid', `'${bad}' is no name of a package`)
  const next = `${dir}.next`
  await mkdir(dirname(dir), { recursive: true })
  await rm(next, { recursive: true, force: true })
  try {
    if (from.type === 'debian') await bootstrap(next, from.packages)
    else await unpack(next, await from.tar())
    await finish(next, node)
    await rm(dir, { recursive: true, force: true })
    await rename(next, dir)
  } catch (error) {
    await rm(next, { recursive: true, force: true })
    throw TroupeError.wrap(error, 'sandbox/unavailable')
  }
  const megabytes = await sizeOf(dir)
  await writeFile(`${dir}.size`, `${megabytes}\n`)
  return { dir, seconds: Math.round((performance.now() - began) / 1_000), megabytes }
}

async function bootstrap(next: string, packages: readonly string[]): Promise<void> {
  const include = ['python3', ...packages.map((name) => `python3-${name}`)].join(',')
  const without = ['man', 'doc', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  try {
    await run('mmdebstrap', ['--quiet', '--variant=minbase', `--include=${include}`, ...without, SUITE, next], { maxBuffer: MAX_OUTPUT })
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string }
    if (code === 'ENOENT') throw failed('mmdebstrap is not installed: apt-get install mmdebstrap', error)
    throw failed((stderr ?? '').trim().split('\n').slice(-3).join(' ') || 'mmdebstrap failed', error)
  }
}

async function unpack(next: string, tar: Readable): Promise<void> {
  await mkdir(next, { recursive: true })
  // Devices are bubblewrap's to make, and the tree is nobody's to write.
  const child = spawn('tar', ['-x', '--numeric-owner', '--exclude=dev/*', '-C', next], { stdio: ['pipe', 'ignore', 'pipe'] })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-MAX_WORDS)
  })
  const [[code]] = (await Promise.all([once(child, 'close'), pipeline(tar, child.stdin)])) as [[number | null], void]
  if (code !== 0) throw failed(words.trim() || `tar ended with code ${code}`, null)
}

/** What a guest needs and a base may lack; what only made the tree goes. */
async function finish(next: string, node: string): Promise<void> {
  await Promise.all(['var/cache/apt', 'var/lib/apt/lists'].map((path) => rm(join(next, path), { recursive: true, force: true })))
  for (const path of ['dev', 'proc', 'tmp', 'usr/local/bin', 'var/lib/apt/lists']) await mkdir(join(next, path), { recursive: true })
  const binary = join(next, 'usr/local/bin/node')
  if (!existsSync(binary)) await copyFile(node, binary)
  await chmod(binary, 0o755)
  await chmod(next, 0o755)
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
