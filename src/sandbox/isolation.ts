import type { Isolation } from './sandbox.ts'

/** From the weakest to the strongest. */
export const ISOLATIONS: readonly Isolation[] = ['interpreter', 'namespace', 'container', 'gvisor']

/** Whether `isolation` is what was demanded, or more. */
export function isAtLeast(isolation: Isolation, minimum: Isolation): boolean {
  return ISOLATIONS.indexOf(isolation) >= ISOLATIONS.indexOf(minimum)
}

/** The stronger of two demands; undefined where there is none. */
export function strongerOf(one: Isolation | undefined, two: Isolation | undefined): Isolation | undefined {
  if (one === undefined || two === undefined) return one ?? two
  return isAtLeast(one, two) ? one : two
}
