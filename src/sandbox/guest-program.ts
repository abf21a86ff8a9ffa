import { NODE_BOOT, nodeGuestSource } from './node-guest.ts'
import { PYTHON_GUEST } from './python-guest.ts'
import type { GuestDefences } from './javascript-guest.ts'
import type { Language, Sandbox } from './sandbox.ts'

/** How the runner of a language is started inside the isolation, with commands on descriptor 3 and frames on 4. */
export interface GuestProgram {
  readonly command: readonly string[]
  /** The first line it is sent, before any command; null where it needs none. */
  readonly boot: string | null
}

export const GUEST_LANGUAGES: readonly Language[] = ['typescript', 'python']

/** All that a guest process has in its environment. Hash order is fixed, and numeric libraries start no thread per core. */
export const GUEST_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/tmp',
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  PYTHONHASHSEED: '0',
  PYTHONDONTWRITEBYTECODE: '1',
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  NODE_OPTIONS: '',
}

/** `acorn`: the text of acorn's CommonJS build, which parses TypeScript steps inside. */
export function guestProgram(language: Language, acorn: string, defences: GuestDefences): GuestProgram {
  return language === 'python'
    ? { command: ['python3', '-s', '-c', PYTHON_GUEST], boot: null }
    : { command: ['node', '--no-warnings', '-e', NODE_BOOT], boot: nodeGuestSource(acorn, defences) }
}

/** Lines for the system prompt. */
export function guestNotes(packages: readonly string[]): Sandbox['notes'] & object {
  const more =
    packages.length === 0 ? 'no other package can be imported' : `of other packages these can be imported: ${packages.join(', ')}`
  return { python: [`Full CPython with its standard library; ${more}. There is no network, and files can be written in /tmp alone.`] }
}

export const ALL_GUEST_DEFENCES: GuestDefences = {
  primordials: true,
  fixedNames: true,
  noEval: true,
  hiddenFrames: true,
  finalStop: true,
  callLimit: true,
  inFlightLimit: true,
  argumentBytes: true,
  answerBytes: true,
  outputBytes: true,
  seededRandom: true,
}
