import type { SessionDefences } from '../guest-session.ts'

/** Each defence can be switched off, so that a test can show that something breaks without it. Only tests do so. */
export interface Defences extends SessionDefences {
  readonly network: boolean
  readonly readOnly: boolean
  /** User and group 65534. */
  readonly nobody: boolean
  readonly noCapabilities: boolean
  readonly noNewPrivileges: boolean
  readonly disk: boolean
  readonly memory: boolean
  readonly processes: boolean
  readonly cpus: boolean
  /** Third-party packages are hidden unless some were allowed. */
  readonly hiddenPackages: boolean
}

export const ALL_DEFENCES: Defences = {
  network: true,
  readOnly: true,
  nobody: true,
  noCapabilities: true,
  noNewPrivileges: true,
  disk: true,
  memory: true,
  processes: true,
  cpus: true,
  hiddenPackages: true,
  validFrames: true,
  hostCounts: true,
  deadline: true,
  answerBytes: true,
  outputFlood: true,
}
