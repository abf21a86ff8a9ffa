import type { NewEntry } from '../../src/client/entry.ts'
import type { EngineAdapter, LogStore } from '../../src/engine/engine.ts'

/** Where a process is to die by `kill -9`, counted in what it writes to logs itself. */
export type Boundary =
  /** After its n-th append is on disk. */
  | { readonly type: 'after'; readonly append: number }
  /** Before its n-th append: what was done outside is not in the log. */
  | { readonly type: 'before'; readonly append: number }
  /** After the first append that has an entry of a type that is not among these. */
  | { readonly type: 'new-type'; readonly known: readonly string[] }
  /** After the n-th entry of a type is on disk. */
  | { readonly type: 'entry'; readonly entry: string; readonly nth: number }

/** An engine whose process is killed at a boundary: no handler, no `finally`, nothing flushed. */
export function killing(engine: EngineAdapter, boundary: Boundary): EngineAdapter {
  return { name: engine.name, effects: engine.effects, open: async () => storeKilledAt(await engine.open(), boundary) }
}

function storeKilledAt(store: LogStore, boundary: Boundary): LogStore {
  let appends = 0
  let entriesOfType = 0
  const around = async <T>(entries: readonly NewEntry[], append: () => Promise<T>): Promise<T> => {
    const count = ++appends
    if (boundary.type === 'before' && count === boundary.append) die()
    const result = await append()
    if (boundary.type === 'entry') entriesOfType += entries.filter(({ type }) => type === boundary.entry).length
    if (isReached(boundary, entries, count, entriesOfType)) die()
    return result
  }
  const killed: Pick<LogStore, 'create' | 'append'> = {
    create: (run, start, options) => around([start], () => store.create(run, start, options)),
    append: (run, entries, epoch) => around(entries, () => store.append(run, entries, epoch)),
  }
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'create' || name === 'append') return killed[name]
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

function isReached(boundary: Boundary, entries: readonly NewEntry[], count: number, entriesOfType: number): boolean {
  switch (boundary.type) {
    case 'after':
      return count === boundary.append
    case 'before':
      return false
    case 'new-type':
      return entries.some(({ type }) => !boundary.known.includes(type))
    case 'entry':
      return entriesOfType >= boundary.nth
    default:
      return boundary satisfies never
  }
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;); // The signal ends this before its next turn.
}
