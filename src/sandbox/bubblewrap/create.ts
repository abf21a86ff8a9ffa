import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { TroupeError } from '../../errors/troupe-error.ts'
import { ALL_GUEST_DEFENCES, GUEST_LANGUAGES, guestNotes, guestProgram } from '../guest-program.ts'
import { GuestSession } from '../guest-session.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import type { Language, Sandbox } from '../sandbox.ts'
import { WarmPool } from '../warm-pool.ts'
import { bwrapArguments } from './arguments.ts'
import { assertTree, inspectMachine, type Machine, packageDirs } from './available.ts'
import { sweepCgroups } from './cgroup.ts'
import type { Defences } from './defences.ts'
import { isFilterArch, seccompFilter } from './seccomp.ts'
import { BubblewrapWorker } from './worker.ts'

export interface BubblewrapOptions {
  /** The root tree that guests see, and nothing else of the machine: `troupe sandbox build` makes one. */
  readonly rootfs: string
  /** Python packages of the tree that code may import, with what they need themselves. Default: the standard library alone. */
  readonly packages?: readonly string[]
  /** Guests kept ready for each language that was used. Default 1; 0 starts each when it is needed. */
  readonly warm?: number
  /** The program. Default `bwrap`, found in PATH. */
  readonly bwrap?: string
}

export interface BubblewrapSandbox extends Sandbox, AsyncDisposable {
  /** Starts what is to be kept ready for a language; throws `sandbox/unavailable` where it cannot. */
  warmUp(language: Language): Promise<void>
  check(language: Language): Promise<string>
}

/** For tests alone: a sandbox with some defences switched off. */
export function bubblewrapWith(
  defences: Defences,
  { rootfs, packages = [], warm = 1, bwrap = 'bwrap' }: BubblewrapOptions,
): BubblewrapSandbox {
  if (!Number.isInteger(warm) || warm < 0)
    throw new TroupeError('config/invalid', `bubblewrap({ warm: ${warm} }): a whole number of at least 0 is needed`)
  let machine: Promise<Machine> | null = null
  const acorn = lazily(() => readFileSync(createRequire(import.meta.url).resolve('acorn'), 'utf8'))
  const filter = lazily(() => (isFilterArch(process.arch) ? seccompFilter(process.arch) : null))

  /** Failures are looked into anew: what was missing may have been installed. */
  async function inspect(): Promise<Machine> {
    machine ??= inspectMachine(bwrap).then((found) => {
      sweepCgroups(found.cgroups)
      return found
    })
    try {
      return await machine
    } catch (error) {
      machine = null
      throw error
    }
  }

  const pool = new WarmPool<BubblewrapWorker>(warm, async (kind) => {
    const [language, diskMb] = JSON.parse(kind) as [Language, number]
    const { cgroups } = await inspect()
    assertTree(rootfs, language)
    const { command, boot } = guestProgram(language, acorn(), ALL_GUEST_DEFENCES)
    const hidden = packages.length === 0 ? packageDirs(rootfs) : []
    const args = [...bwrapArguments({ rootfs, diskMb, hidden, filter: filter() !== null }, defences), ...command]
    const worker = new BubblewrapWorker({
      bwrap,
      args,
      boot,
      filter: defences.seccomp ? filter() : null,
      cgroups,
      defences,
      onEnd: (ended) => pool.left(ended),
    })
    try {
      await worker.ready
    } catch (error) {
      await worker.end()
      throw error
    }
    return worker
  })

  return {
    name: 'bubblewrap',
    languages: GUEST_LANGUAGES,
    notes: guestNotes(packages),
    capabilities: { isolation: 'namespace', parallelCalls: true, snapshots: false, deterministic: false, fuel: false },
    async open(options) {
      if (options.snapshot !== undefined)
        throw new TroupeError('sandbox/unavailable', 'bubblewrap sessions cannot be restored from a snapshot: replay the steps of the run')
      const worker = await pool.take(kindOf(options.language, options.limits.diskMb))
      try {
        worker.limit(options.limits)
        return new GuestSession(worker, options, defences, packages)
      } catch (error) {
        await worker.end()
        throw TroupeError.wrap(error, 'sandbox/unavailable')
      }
    },
    warmUp: (language) => pool.warmUp(kindOf(language, DEFAULT_LIMITS.diskMb)),
    async check(language) {
      const { version } = await inspect()
      assertTree(rootfs, language)
      return version
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

function kindOf(language: Language, diskMb: number): string {
  return JSON.stringify([language, diskMb])
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}
