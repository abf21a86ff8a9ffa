import type { View } from './view.ts'

export type ViewKind = 'json' | 'plain' | 'live'

/** JSON lines when asked for, a live view on a terminal that can move its cursor, else plain lines. */
export function viewKind(json: boolean): ViewKind {
  if (json) return 'json'
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb' ? 'live' : 'plain'
}

/** Loads and opens a view on standard output. */
export async function openView(kind: ViewKind): Promise<View> {
  if (kind === 'json') return (await import('./json-view.ts')).jsonView()
  if (kind === 'plain') return (await import('./plain-view.ts')).plainView()
  return (await import('./live-view.ts')).liveView(process.stdout)
}
