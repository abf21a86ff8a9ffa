import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { Language } from '../sandbox.ts'
import { type CgroupTree, findCgroups } from './cgroup.ts'
import { PACKAGE_DIRS } from './arguments.ts'
import { isFilterArch } from './seccomp.ts'

const run = promisify(execFile)
const INTERPRETERS: Readonly<Record<Language, readonly string[]>> = {
  python: ['usr/bin/python3', 'usr/local/bin/python3'],
  typescript: ['usr/local/bin/node', 'usr/bin/node'],
}

export interface Machine {
  readonly version: string
  readonly cgroups: CgroupTree
}

/** What bubblewrap needs of this machine. Throws `sandbox/unavailable`, saying what is missing and how to install it. */
export async function inspectMachine(bwrap: string): Promise<Machine> {
  if (process.platform !== 'linux') throw missing(`it needs Linux, and this is ${process.platform}. Use the sandbox container`)
  if (!isFilterArch(process.arch)) throw missing(`there is no filter of system calls for ${process.arch}. Use the sandbox container`)
  let version: string
  try {
    version = (await run(bwrap, ['--version'])).stdout.trim().replace(/^bubblewrap /, '')
  } catch (error) {
    throw missing(`the program ${bwrap} cannot be run. Install it: apt-get install bubblewrap, dnf install bubblewrap`, error)
  }
  const cgroups = findCgroups()
  if ('missing' in cgroups) throw missing(`memory, processes and CPU could not be limited: ${cgroups.missing}`)
  return { version, cgroups }
}

/** Throws `sandbox/unavailable` when the tree has no interpreter of the language. */
export function assertTree(rootfs: string, language: Language): void {
  if (!existsSync(rootfs)) throw missing(`there is no root tree at ${rootfs}. Make one: troupe sandbox build`)
  if (!INTERPRETERS[language].some((file) => existsSync(join(rootfs, file))))
    throw missing(`the root tree ${rootfs} has no ${language === 'python' ? 'python3' : 'node'}. Make it anew: troupe sandbox build`)
}

/** The directories of the tree in which third-party packages are. */
export function packageDirs(rootfs: string): readonly string[] {
  const lib = join(rootfs, 'usr/local/lib')
  const ofPip = existsSync(lib)
    ? readdirSync(lib)
        .filter((name) => name.startsWith('python3'))
        .map((name) => `/usr/local/lib/${name}/dist-packages`)
    : []
  return [...new Set([...PACKAGE_DIRS, ...ofPip])].filter((dir) => existsSync(join(rootfs, dir)))
}

function missing(what: string, cause?: unknown): TroupeError {
  return new TroupeError('sandbox/unavailable', `the sandbox bubblewrap is not available: ${what}`, { cause })
}
