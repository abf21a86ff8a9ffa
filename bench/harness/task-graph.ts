/** One task of a graph that several frameworks are measured on. Its value is the number of tasks on the longest way to it, itself included. */
export interface GraphTask {
  readonly id: string
  readonly needs: readonly string[]
  /** How long it takes by a timer. 0: it is done at once. */
  readonly ms: number
}

/** `count` chains beside each other, each of `length` tasks. */
export function chains(count: number, length: number, ms = 0): readonly GraphTask[] {
  return Array.from({ length }, (_, row) =>
    Array.from({ length: count }, (__, column) => ({ id: `t${row}x${column}`, needs: row === 0 ? [] : [`t${row - 1}x${column}`], ms })),
  ).flat()
}

/** One task, then `width` ways of `rows` tasks each, then one task that needs them all. The first and the last take no time. */
export function diamond(width: number, rows: number, ms: number): readonly GraphTask[] {
  const middle = chains(width, rows, ms).map((task) => (task.needs.length === 0 ? { ...task, needs: ['first'] } : task))
  const ends = middle.slice(-width).map(({ id }) => id)
  return [{ id: 'first', needs: [], ms: 0 }, ...middle, { id: 'last', needs: ends, ms: 0 }]
}

/** Does a task: what every framework is given as the work of a node. */
export async function doTask({ ms }: GraphTask, inputs: readonly number[]): Promise<number> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
  return 1 + Math.max(0, ...inputs)
}

/** What the tasks that no other needs must have come to, by id: what a run is held against. */
function expected(graph: readonly GraphTask[]): Readonly<Record<string, number>> {
  const values = new Map<string, number>()
  for (const { id, needs } of graph) values.set(id, 1 + Math.max(0, ...needs.map((need) => values.get(need) ?? 0)))
  return Object.fromEntries(sinksOf(graph).map((id) => [id, values.get(id) ?? 0]))
}

export function sinksOf(graph: readonly GraphTask[]): readonly string[] {
  const needed = new Set(graph.flatMap(({ needs }) => needs))
  return graph.map(({ id }) => id).filter((id) => !needed.has(id))
}

/** Throws when a framework did not do the graph. */
export function hold(name: string, graph: readonly GraphTask[], got: Readonly<Record<string, unknown>>): void {
  for (const [id, value] of Object.entries(expected(graph)))
    if (got[id] !== value) throw new Error(`${name}: task ${id} came to ${JSON.stringify(got[id])}, not ${value}`)
}
