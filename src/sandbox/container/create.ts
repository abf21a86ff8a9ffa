import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { TroupeError } from '../../errors/troupe-error.ts'
import { ALL_GUEST_DEFENCES, GUEST_LANGUAGES, guestNotes, guestProgram } from '../guest-program.ts'
import { GuestSession } from '../guest-session.ts'
import { DEFAULT_LIMITS, type Limits } from '../limits.ts'
import type { Language, Sandbox } from '../sandbox.ts'
import { WarmPool } from '../warm-pool.ts'
import { type Daemon, openDaemon, type Runtime, sweepContainers } from './daemon.ts'
import { Deaths } from './deaths.ts'
import type { Defences } from './defences.ts'
import { containerSettings, type SizedLimits } from './settings.ts'
import { ContainerWorker } from './worker.ts'

export interface ContainerOptions {
  /** With `sh`, and `python3` or `node` or both: a name, or better a digest (`name@sha256:…`, or the id of a local one). */
  readonly image: string
  /** `runc` shares the host's kernel; `runsc` is gVisor, which has one of its own. Default `runc`. */
  readonly runtime?: Runtime
  /** Of Docker or Podman. Default: DOCKER_HOST, else the usual places. */
  readonly socketPath?: string
  /** Python packages of the image that code may import, with what they need themselves. Default: the standard library alone. */
  readonly packages?: readonly string[]
  /** Containers kept ready for each language and set of limits that was used. Default 1; 0 starts each when it is needed. */
  readonly warm?: number
}

export interface ContainerSandbox extends Sandbox, AsyncDisposable {
  /** Starts what is to be kept ready for a language; throws `sandbox/unavailable` where it cannot. */
  warmUp(language: Language, limits?: Limits): Promise<void>
  check(language: Language): Promise<string>
}

interface Opened extends Daemon {
  readonly deaths: Deaths
}

/** For tests alone: a sandbox with some defences switched off. */
export function containerWith(
  defences: Defences,
  { image, runtime = 'runc', socketPath, packages = [], warm = 1 }: ContainerOptions,
): ContainerSandbox {
  if (!Number.isInteger(warm) || warm < 0)
    throw new TroupeError('config/invalid', `container({ warm: ${warm} }): a whole number of at least 0 is needed`)
  const name = runtime === 'runsc' ? 'gvisor' : 'container'
  let opened: Promise<Opened> | null = null
  let acorn: string | null = null

  async function open(): Promise<Opened> {
    const daemon = await openDaemon(socketPath, runtime, image)
    await sweepContainers(daemon.docker)
    const deaths = new Deaths()
    await deaths.listen(daemon.docker)
    return { ...daemon, deaths }
  }

  /** Failures are looked into anew, and a daemon that was started anew is opened anew. */
  async function daemon(): Promise<Opened> {
    opened ??= open()
    try {
      const found = await opened
      if (found.deaths.isListening) return found
      opened = open()
      return await opened
    } catch (error) {
      opened = null
      throw error
    }
  }

  const pool = new WarmPool<ContainerWorker>(warm, async (kind) => {
    const [language, limits] = JSON.parse(kind) as [Language, SizedLimits]
    const { docker, imageId, deaths } = await daemon()
    acorn ??= readFileSync(createRequire(import.meta.url).resolve('acorn'), 'utf8')
    const { command, boot } = guestProgram(language, acorn, ALL_GUEST_DEFENCES)
    const settings = containerSettings(
      { image: imageId, runtime, language, limits, command, hidePackages: packages.length === 0 },
      defences,
    )
    return ContainerWorker.start({ docker, settings, runtime, boot, deaths, onEnd: (ended) => pool.left(ended) })
  })

  return {
    name,
    languages: GUEST_LANGUAGES,
    notes: guestNotes(packages),
    capabilities: {
      isolation: runtime === 'runsc' ? 'gvisor' : 'container',
      parallelCalls: true,
      snapshots: false,
      deterministic: false,
      fuel: false,
    },
    async open(options) {
      if (options.snapshot !== undefined)
        throw new TroupeError('sandbox/unavailable', `${name} sessions cannot be restored from a snapshot: replay the steps of the run`)
      return new GuestSession(await pool.take(kindOf(options.language, options.limits)), options, defences, packages)
    },
    warmUp: (language, limits = DEFAULT_LIMITS) => pool.warmUp(kindOf(language, limits)),
    check: async () => (await daemon()).version,
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]()
      const last = await opened?.catch(() => null)
      last?.deaths.close()
    },
  }
}

/** Containers get their limits when they are made. */
function kindOf(language: Language, { memoryMb, processes, cpus, diskMb }: Limits): string {
  const limits: SizedLimits = { memoryMb, processes, cpus, diskMb }
  return JSON.stringify([language, limits])
}
