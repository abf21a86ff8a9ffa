import { type BubblewrapOptions, type BubblewrapSandbox, bubblewrapWith } from './create.ts'
import { ALL_DEFENCES } from './defences.ts'

export type { BubblewrapOptions, BubblewrapSandbox }

/**
 * Full CPython and Node on Linux, each session in namespaces of its own (bubblewrap): a root tree that is not the host's,
 * no network, nobody's rights, a filter of system calls, and a cgroup that limits memory, processes and CPU.
 *
 * `open` throws `sandbox/unavailable`, saying what is missing, where the machine cannot give all of this. A step that runs
 * too long or out of memory ends with its process: it is poisoned, and the session is closed. The kernel is the host's own.
 */
export function bubblewrap(options: BubblewrapOptions): BubblewrapSandbox {
  return bubblewrapWith(ALL_DEFENCES, options)
}
