import { guestSource } from '../javascript-guest.ts'
import type { Defences } from './protocol.ts'

export type { Guest, GuestState, GuestTurn } from '../javascript-guest.ts'

/** Script text that evaluates to a function of `halt`, which gives the `Guest`. */
export function preludeSource(defences: Defences): string {
  return guestSource(defences)
}
