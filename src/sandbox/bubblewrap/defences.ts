import type { SessionDefences } from '../guest-session.ts'

/** Each defence can be switched off, so that a test can show that something breaks without it. Only tests do so. */
export interface Defences extends SessionDefences {
  /** A root tree of its own, not the host's files. */
  readonly rootTree: boolean
  /** The root tree cannot be written to. */
  readonly readOnly: boolean
  /** An empty network. */
  readonly network: boolean
  /** Its own processes are all that it sees. */
  readonly processTree: boolean
  /** It is nobody, with no capability, and can make no user namespace in which it had some. */
  readonly nobody: boolean
  /** The host's environment does not come in. */
  readonly environment: boolean
  readonly seccomp: boolean
  readonly disk: boolean
  readonly memory: boolean
  readonly processes: boolean
  readonly cpus: boolean
  /** Third-party packages are hidden unless some were allowed. */
  readonly hiddenPackages: boolean
}

export const ALL_DEFENCES: Defences = {
  rootTree: true,
  readOnly: true,
  network: true,
  processTree: true,
  nobody: true,
  environment: true,
  seccomp: true,
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
