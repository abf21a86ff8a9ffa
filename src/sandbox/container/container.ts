import { type ContainerOptions, type ContainerSandbox, containerWith } from './create.ts'
import { ALL_DEFENCES } from './defences.ts'

export type { ContainerOptions, ContainerSandbox }

/**
 * Full CPython and Node, each session in a container of its own: by Docker or Podman, on runc or on gVisor (`runsc`). No
 * network, a root that cannot be written to, nobody's rights, limits of memory, CPU, processes and disk. Needs `dockerode`.
 *
 * `open` throws `sandbox/unavailable`, saying what is missing; what was asked for is never replaced by something weaker.
 * A step that runs too long or out of memory ends with its container: it is poisoned, and the session is closed.
 */
export function container(options: ContainerOptions): ContainerSandbox {
  return containerWith(ALL_DEFENCES, options)
}
