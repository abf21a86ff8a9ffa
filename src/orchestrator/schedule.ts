import { dependenciesOf, type TaskState } from './state.ts'

export interface ScheduleCaps {
  readonly maxParallel: number
  /** By member; those that are not named have no cap of their own. */
  readonly members?: Readonly<Record<string, number>>
}

/**
 * Which task starts next. A task may start the moment the tasks that it needs are done; of those that may, the one with
 * the longest way behind it goes first, then the one that the plan names first. O(log n) a task.
 */
export class Schedule {
  readonly #caps: ScheduleCaps
  /** Ready tasks by owner, so that one member's cap does not hold up the others. */
  readonly #ready = new Map<string, Heap>()
  readonly #open = new Map<string, number>()
  readonly #after = new Map<string, string[]>()
  readonly #tasks = new Map<string, Waiting>()
  /** The owner of each task that is at work. */
  readonly #busy = new Map<string, string>()
  readonly #load = new Map<string, number>()

  /** `tasks` that are done count as done; of the others, those that are pending will be started. */
  constructor(tasks: Iterable<TaskState>, caps: ScheduleCaps, atWork: ReadonlyMap<string, string> = new Map()) {
    this.#caps = caps
    for (const [id, owner] of atWork) this.#begin(id, owner)
    const all = [...tasks]
    const done = new Set(all.filter(({ place }) => place.state === 'done').map(({ plan }) => plan.id))
    const lengths = criticalPaths(all)
    for (const [order, { plan, owner, place }] of all.entries()) {
      if (place.state !== 'pending') continue
      const needs = [...new Set(dependenciesOf(plan))].filter((id) => !done.has(id))
      this.#tasks.set(plan.id, { id: plan.id, owner, order, length: lengths.get(plan.id) ?? 1 })
      this.#open.set(plan.id, needs.length)
      for (const need of needs) {
        const list = this.#after.get(need)
        if (list) list.push(plan.id)
        else this.#after.set(need, [plan.id])
      }
      if (needs.length === 0) this.#push(plan.id)
    }
  }

  get atWork(): ReadonlyMap<string, string> {
    return this.#busy
  }

  /** The tasks that start now. */
  take(): readonly string[] {
    const taken: string[] = []
    while (this.#busy.size < this.#caps.maxParallel) {
      const owner = this.#bestOwner()
      if (owner === undefined) break
      const task = this.#ready.get(owner)?.pop()
      if (!task) break
      this.#begin(task.id, owner)
      taken.push(task.id)
    }
    return taken
  }

  /** A task is not at work any more; when it got done, those that waited for it alone become ready. */
  ended(id: string, isDone: boolean): void {
    const owner = this.#busy.get(id)
    if (owner !== undefined) this.#load.set(owner, (this.#load.get(owner) ?? 1) - 1)
    this.#busy.delete(id)
    if (!isDone) return
    for (const later of this.#after.get(id) ?? []) {
      const left = (this.#open.get(later) ?? 1) - 1
      this.#open.set(later, left)
      if (left === 0) this.#push(later)
    }
  }

  #begin(id: string, owner: string): void {
    this.#busy.set(id, owner)
    this.#load.set(owner, (this.#load.get(owner) ?? 0) + 1)
  }

  #push(id: string): void {
    const task = this.#tasks.get(id)
    if (!task) return
    let heap = this.#ready.get(task.owner)
    if (!heap) this.#ready.set(task.owner, (heap = new Heap()))
    heap.push(task)
  }

  #bestOwner(): string | undefined {
    let best: Waiting | undefined
    for (const [owner, heap] of this.#ready) {
      const first = heap.first
      if (!first || (this.#load.get(owner) ?? 0) >= (this.#caps.members?.[owner] ?? Infinity)) continue
      if (!best || isBefore(first, best)) best = first
    }
    return best?.owner
  }
}

interface Waiting {
  readonly id: string
  readonly owner: string
  readonly order: number
  readonly length: number
}

function isBefore(one: Waiting, other: Waiting): boolean {
  return one.length !== other.length ? one.length > other.length : one.order < other.order
}

/** How many tasks the longest chain has that begins with each task. Tasks of a cycle have none. */
export function criticalPaths(tasks: readonly TaskState[]): ReadonlyMap<string, number> {
  const needs = new Map(tasks.map(({ plan }) => [plan.id, [...new Set(dependenciesOf(plan))]]))
  const waiting = new Map<string, number>()
  for (const list of needs.values()) for (const id of list) waiting.set(id, (waiting.get(id) ?? 0) + 1)
  const lengths = new Map<string, number>()
  const free = tasks.map(({ plan }) => plan.id).filter((id) => !waiting.get(id))
  for (const id of free) lengths.set(id, 1)
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    const length = lengths.get(id) ?? 1
    for (const need of needs.get(id) ?? []) {
      lengths.set(need, Math.max(lengths.get(need) ?? 1, length + 1))
      const left = (waiting.get(need) ?? 1) - 1
      waiting.set(need, left)
      if (left === 0) free.push(need)
    }
  }
  return lengths
}

/** A binary heap, the task that goes first at the top. */
class Heap {
  readonly #items: Waiting[] = []

  get first(): Waiting | undefined {
    return this.#items[0]
  }

  push(item: Waiting): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = items[up]
      if (!parent || !isBefore(item, parent)) break
      items[at] = parent
      at = up
    }
    items[at] = item
  }

  pop(): Waiting | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length === 0 || !last) return top
    let at = 0
    for (;;) {
      const left = items[2 * at + 1]
      if (!left) break
      const right = items[2 * at + 2]
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (!isBefore(child, last)) break
      items[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    items[at] = last
    return top
  }
}
