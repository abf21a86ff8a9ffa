import type { Runtime } from '../engine/runtime.ts'
import type { TroupeConfig } from '../index.ts'
import type { Cast } from './agents.ts'
import type { ApprovalMode } from './follow.ts'
import { openStore, storeOptions, type StoreAddress } from './stores.ts'
import { openView, viewKind } from './view/open-view.ts'
import type { View } from './view/view.ts'

export interface WorkplaceOptions {
  readonly address: StoreAddress
  readonly cast: Cast
  readonly config: TroupeConfig
  readonly json: boolean
  readonly waitMs: number | undefined
}

/** All that following a run needs of the process it runs in. */
export interface Workplace extends AsyncDisposable {
  readonly runtime: Runtime
  readonly view: View
  readonly approvals: ApprovalMode
  readonly waitMs?: number
  resumeHint(runId: string): string
}

/** With nobody to ask, a run that only waits is told and left at once. */
export const PARK_UNATTENDED_MS = 20
const PARK_ATTENDED_MS = 5_000

/** Opens the store with its agents, and the view that fits the terminal. */
export async function openWorkplace({ address, cast, config, json, waitMs }: WorkplaceOptions): Promise<Workplace> {
  const asks = !json && process.stdin.isTTY && process.stdout.isTTY
  const parkAfterMs = asks && waitMs === undefined ? PARK_ATTENDED_MS : PARK_UNATTENDED_MS
  const view = await openView(viewKind(json))
  const runtime = await openStore(address, { ...storeOptions(config), parkAfterMs, agents: Object.values(cast.agents) })
  return {
    runtime,
    view,
    approvals: asks ? 'ask' : address.type === 'memory' ? 'refuse' : 'leave',
    ...(waitMs !== undefined && { waitMs }),
    resumeHint: (runId) => (address.type === 'memory' ? 'a store memory: forgets it' : `go on with \`troupe resume ${runId}\``),
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  }
}
