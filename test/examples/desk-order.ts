/** What a process of the stock desk is to do. */
export interface DeskOrder {
  readonly team: 'desk' | 'detours' | 'limit'
  readonly store: string
  readonly outDir: string
  readonly run: string
  readonly resumes: boolean
  readonly known?: readonly string[]
}

interface Written {
  readonly type: string
  readonly body: unknown
}

/** The ways of the two machines that entries tell: `run: routing → planning`, `task: running → validating`. */
export function transitionsIn(entries: readonly Written[]): readonly string[] {
  return entries.flatMap(({ type, body }) => {
    if (type !== 'state') return []
    const { from, to, task } = body as { readonly from: string; readonly to: string; readonly task?: string }
    return [`${task === undefined ? 'run' : 'task'}: ${from} → ${to}`]
  })
}
