import { GUEST_ENV } from '../guest-program.ts'
import type { Defences } from './defences.ts'

const MEBIBYTE = 1_048_576
/** Descriptor on which bwrap reads the filter. */
const FILTER_FD = 5
/** Where Debian puts the packages of its Python; pip's place is the other one. */
export const PACKAGE_DIRS: readonly string[] = ['/usr/lib/python3/dist-packages', '/usr/local/lib/python3/dist-packages']

export interface BwrapOptions {
  readonly rootfs: string
  readonly diskMb: number
  /** Directories of the tree that are covered by an empty one. */
  readonly hidden: readonly string[]
  readonly filter: boolean
}

/** The arguments of bwrap, before the command that it is to run. The order matters: later mounts cover earlier ones. */
export function bwrapArguments({ rootfs, diskMb, hidden, filter }: BwrapOptions, on: Defences): readonly string[] {
  const args = [
    '--die-with-parent',
    '--new-session',
    '--unshare-user',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    '--hostname',
    'sandbox',
  ]
  if (on.processTree) args.push('--unshare-pid')
  if (on.network) args.push('--unshare-net')
  args.push(on.readOnly ? '--ro-bind' : '--bind', on.rootTree ? rootfs : '/', '/')
  for (const dir of on.hiddenPackages ? hidden : []) args.push('--size', '4096', '--perms', '0555', '--tmpfs', dir)
  // A /proc of its own takes process ids of its own.
  args.push(...(on.processTree ? ['--proc', '/proc'] : ['--ro-bind', '/proc', '/proc']), '--dev', '/dev')
  // The two places that can be written to; the kernel counts them as memory of the guest too.
  args.push(...(on.disk ? ['--size', `${MEBIBYTE}`] : []), '--perms', '1777', '--tmpfs', '/dev/shm')
  args.push(...(on.disk ? ['--size', `${diskMb * MEBIBYTE}`] : []), '--perms', '1777', '--tmpfs', '/tmp', '--chdir', '/tmp')
  if (on.nobody) args.push('--cap-drop', 'ALL', '--uid', '65534', '--gid', '65534', '--disable-userns')
  if (on.environment) args.push('--clearenv')
  for (const [name, value] of Object.entries(GUEST_ENV)) if (value !== '') args.push('--setenv', name, value)
  if (filter && on.seccomp) args.push('--seccomp', `${FILTER_FD}`)
  return [...args, '--']
}
