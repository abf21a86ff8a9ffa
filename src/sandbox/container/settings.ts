import type Docker from 'dockerode'
import { GUEST_ENV } from '../guest-program.ts'
import type { Limits } from '../limits.ts'
import type { Language } from '../sandbox.ts'
import { ownLabels, type Runtime } from './daemon.ts'
import type { Defences } from './defences.ts'

const MEBIBYTE = 1_048_576
/** What the interpreters, and gVisor's kernel, hold before any code has run, in MB, measured with a little to spare. */
const OWN_MB: Readonly<Record<Runtime, Readonly<Record<Language, number>>>> = {
  runc: { python: 12, typescript: 30 },
  runsc: { python: 26, typescript: 44 },
}
/** Threads of the interpreter. gVisor is a process itself: its threads are what the daemon counts, so the limit is looser there. */
const OWN_PROCESSES: Readonly<Record<Language, number>> = { python: 1, typescript: 16 }
const GVISOR_PROCESSES = 256
const PACKAGE_DIR = '/usr/lib/python3/dist-packages'
/** The daemon has three streams for a container; the guest speaks on 3 and 4, and what else is written is standard error. */
const ENTER = 'exec 3<&0 4>&1 0</dev/null 1>&2; exec "$@"'

export type SizedLimits = Pick<Limits, 'memoryMb' | 'processes' | 'cpus' | 'diskMb'>

export interface ContainerSettings {
  readonly image: string
  readonly runtime: Runtime
  readonly language: Language
  readonly limits: SizedLimits
  readonly command: readonly string[]
  readonly hidePackages: boolean
}

/** The hardened settings of one container. */
export function containerSettings(
  { image, runtime, language, limits, command, hidePackages }: ContainerSettings,
  on: Defences,
): Docker.ContainerCreateOptions {
  const isGvisor = runtime === 'runsc'
  const memory = (limits.memoryMb + OWN_MB[runtime][language]) * MEBIBYTE
  const tmpfs = (options: string, megabytes: number): string => `rw,nosuid,nodev,${options}${on.disk ? `,size=${megabytes}m` : ''}`
  return {
    Image: image,
    Cmd: ['/bin/sh', '-c', ENTER, 'sh', ...command],
    Entrypoint: [],
    User: on.nobody ? '65534:65534' : '0:0',
    WorkingDir: '/tmp',
    Env: Object.entries(GUEST_ENV).map(([name, value]) => `${name}=${value}`),
    Hostname: 'sandbox',
    Labels: ownLabels(),
    Tty: false,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: on.network,
    HostConfig: {
      Runtime: runtime,
      // When the host goes, the guest's stdin ends, the guest with it, and the daemon removes what is left.
      AutoRemove: true,
      NetworkMode: on.network ? 'none' : 'host',
      IpcMode: 'none',
      ReadonlyRootfs: on.readOnly,
      CapDrop: on.noCapabilities ? ['ALL'] : [],
      SecurityOpt: on.noNewPrivileges ? ['no-new-privileges'] : [],
      Privileged: false,
      Tmpfs: {
        '/tmp': tmpfs('mode=1777', limits.diskMb),
        ...(hidePackages && on.hiddenPackages && { [PACKAGE_DIR]: 'ro,nosuid,nodev,noexec,size=4k' }),
      },
      ...(on.memory && { Memory: memory, MemorySwap: memory }),
      ...(on.processes && { PidsLimit: limits.processes + OWN_PROCESSES[language] + (isGvisor ? GVISOR_PROCESSES : 0) }),
      ...(on.cpus && { NanoCpus: Math.max(10_000_000, Math.round(limits.cpus * 1e9)) }),
      Ulimits: [
        { Name: 'nofile', Soft: 256, Hard: 256 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      LogConfig: { Type: 'none', Config: {} },
    },
  }
}
