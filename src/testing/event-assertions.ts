import { AssertionError } from 'node:assert'
import type { EventBodies, EventType, RunEvent } from '../client/event.ts'
import type { Run } from '../engine/run.ts'

/** Some fields of an event; nested objects are compared by the fields that are named, arrays as a whole, item by item. */
export type EventPattern = {
  [Type in EventType]: { readonly type: Type; readonly agent?: string } & Partial<Loose<EventBodies[Type]>>
}[EventType]

/** Nested objects need not be complete. */
type Loose<T> = { readonly [Key in keyof T]: T[Key] extends object ? Loose<Partial<T[Key]>> | T[Key] : T[Key] }

/** All events of a run's tree up to `run-end`, also of one that fails; without `model-delta`, whose pieces differ from run to run. */
export async function collectEvents(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run) if (event.type !== 'model-delta') events.push(event)
  return events
}

/** Throws an `AssertionError` unless an event for each pattern is among `events`, in this order; others may stand between. */
export function assertEvents(events: readonly RunEvent[], patterns: readonly EventPattern[]): void {
  let next = 0
  for (const [index, pattern] of patterns.entries()) {
    const found = events.findIndex((event, at) => at >= next && fits(event, pattern))
    if (found < 0) throw notFound(events, { pattern, index, next })
    next = found + 1
  }
}

/** Throws an `AssertionError` when an event fits the pattern. */
export function assertNoEvent(events: readonly RunEvent[], pattern: EventPattern): void {
  const at = events.findIndex((event) => fits(event, pattern))
  if (at < 0) return
  throw new AssertionError({ message: `there must be no event ${lineOf(pattern)}, and event ${at + 1} is one:\n${lineOf(events[at])}` })
}

function fits(actual: unknown, pattern: unknown): boolean {
  if (Array.isArray(pattern)) {
    return Array.isArray(actual) && actual.length === pattern.length && pattern.every((item, at) => fits(actual[at], item))
  }
  if (!isObject(pattern)) return Object.is(actual, pattern)
  return isObject(actual) && Object.entries(pattern).every(([name, value]) => fits(actual[name], value))
}

interface Missing {
  readonly pattern: EventPattern
  readonly index: number
  /** Where the events begin that the pattern could have fitted. */
  readonly next: number
}

function notFound(events: readonly RunEvent[], { pattern, index, next }: Missing): AssertionError {
  const before = events.slice(0, next).findLast((event) => fits(event, pattern))
  const rest = events.slice(next)
  const near = rest.filter((event) => event.type === pattern.type)
  const shown = near.length > 0 ? near : rest
  const message = [
    `no event for pattern ${index + 1}: ${lineOf(pattern)}`,
    ...(before ? ['one fits, but before what the pattern in front of it has found:', `  ${lineOf(before)}`] : []),
    near.length > 0 ? `those of its type from there on:` : `from there on there ${rest.length === 0 ? 'are none' : 'are'}:`,
    ...shown.map((event) => `  ${near.length > 0 ? lineOf(event) : event.type}`),
  ].join('\n')
  return new AssertionError({ message, actual: shown, expected: pattern, operator: 'assertEvents' })
}

function lineOf(event: unknown): string {
  const text = JSON.stringify(event) ?? 'nothing'
  return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text
}

const MAX_LINE = 300

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
