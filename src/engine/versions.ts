import { isEntry, type Entry } from '../client/entry.ts'
import { TroupeError } from '../errors/troupe-error.ts'
import type { AgentRef } from './context.ts'

/** The version of the agent that a run belongs to: the one that began it, or that adopted it last. */
export function versionOf(entries: readonly Entry[]): string {
  const adopted = entries.findLast((entry) => entry.type === 'adopted')
  if (adopted && isEntry(adopted, 'adopted')) return adopted.body.agentVersion
  const [start] = entries
  return start && isEntry(start, 'run-start') ? start.body.agentVersion : ''
}

/** Versions of the same major (https://semver.org) go on with each other's runs; one that is no such number only with its own. */
export function isCompatible(version: string, other: string): boolean {
  return version === other || majorOf(version) === majorOf(other)
}

/** Throws `run/incompatible` when the agent at hand must not go on with the run. */
export function refuseOtherVersion(run: string, entries: readonly Entry[], { name, version }: AgentRef): void {
  const known = versionOf(entries)
  if (isCompatible(known, version)) return
  throw new TroupeError(
    'run/incompatible',
    `run ${run} is of ${name} ${known}, here is ${version}: resume it where version ${known} is configured, or adopt it (troupe resume --adopt)`,
    { details: { run, version: known, here: version } },
  )
}

function majorOf(version: string): string {
  return /^(\d+)\.\d+\.\d+/.exec(version)?.[1] ?? version
}
