import { Heap } from '../util/heap.ts'
import type { QueueLimits, QueueState, QueueStatus, Rate } from './queue.ts'
import { RateWindow } from './rate-window.ts'

/** An item as its store keeps it. `revision` rises with every change in the store; `gone`: its run has ended. */
export interface QueueRow extends Omit<QueueState, 'status'> {
  readonly status: QueueStatus | 'gone'
  readonly revision: number
  /** The place in which it was enqueued: the order among equals. */
  readonly ordinal: number
}

/** Which run is next; or when there may be one, if nothing changes before. */
export type Next = { readonly run: string } | { readonly at: number | null }

/**
 * Runs that were taken so often without coming to an end or to waiting run one at a time: one of them may be what kills its
 * worker, and the others are only beside it. So it is the only one whose attempts go on rising.
 */
const SUSPECT_ATTEMPTS = 2

interface Group {
  readonly isSuspect: boolean
  readonly agent: string
  readonly model: string
  readonly heap: Heap<QueueRow>
}

interface Tenant {
  readonly name: string
  readonly groups: Map<string, Group>
  running: number
  /** Rises with every start of any tenant: whose turn is longest ago. */
  lastTurn: number
}

/**
 * Whose turn it is, as data: no store, no clock, no timers. Between tenants the one with the fewest running runs is next,
 * then the one whose last start is longest ago; within a tenant the lower number of priority, then who came first. What a
 * cap or a rate holds back lets others pass.
 */
export class ReadyQueue {
  readonly #limits: QueueLimits
  readonly #agents: ReadonlySet<string>
  readonly #rows = new Map<string, QueueRow>()
  readonly #tenants = new Map<string, Tenant>()
  readonly #runningOfAgent = new Map<string, number>()
  /** What was started and stands in the store as it did before, as far as is known. */
  readonly #unconfirmed = new Map<string, QueueRow>()
  readonly #rates = new Map<string, RateWindow>()
  readonly #delayed = new Heap<QueueRow>((a, b) => (a.notBefore ?? 0) < (b.notBefore ?? 0))
  readonly #expiring = new Heap<QueueRow>((a, b) => (a.expiresAt ?? 0) < (b.expiresAt ?? 0))
  #suspectsRunning = 0
  #turns = 0

  constructor(limits: QueueLimits, agents: readonly string[]) {
    this.#limits = limits
    this.#agents = new Set(agents)
  }

  /** Takes in how an item stands now. An older revision than the known one is ignored. */
  put(row: QueueRow): void {
    const known = this.#rows.get(row.run)
    if (!this.#agents.has(row.agent) || (known && known.revision >= row.revision)) return
    this.#unconfirmed.delete(row.run)
    this.#count(known, -1)
    this.#count(row, 1)
    if (row.status === 'gone') this.#rows.delete(row.run)
    else this.#rows.set(row.run, row)
    if (row.status === 'queued' && row.expiresAt !== null && row.attempts === 0) this.#expiring.push(row)
    if (row.status === 'queued' && row.notBefore === null) this.#ready(row)
    else if ((row.status === 'queued' || row.status === 'parked') && row.notBefore !== null) this.#delayed.push(row)
  }

  /** The runs that have not started in time; each is told once. */
  expired(now: number): readonly string[] {
    const runs: string[] = []
    for (let row = this.#expiring.first; row && (row.expiresAt ?? 0) <= now; row = this.#expiring.first) {
      this.#expiring.pop()
      if (this.#isCurrent(row)) runs.push(row.run)
    }
    return runs
  }

  /** The run whose turn it is, and which is counted as running from here on; the store's own row confirms it. */
  next(now: number): Next {
    this.#promote(now)
    let at = this.#nextTime()
    const tenants = [...this.#tenants.values()].toSorted((a, b) => a.running - b.running || a.lastTurn - b.lastTurn)
    for (const tenant of tenants) {
      const { row, waitUntil } = this.#best(tenant, now)
      if (row) return this.#start(tenant, row, now)
      at = earliest(at, waitUntil)
    }
    return { at }
  }

  /** A run that `next` gave could not be taken: it is ready again, unless the store has told something newer of it. */
  putBack(run: string): void {
    const row = this.#unconfirmed.get(run)
    if (!row) return
    this.#unconfirmed.delete(run)
    this.#count(this.#rows.get(run), -1)
    this.#rows.set(run, row)
    this.#ready(row)
  }

  #start(tenant: Tenant, row: QueueRow, now: number): Next {
    tenant.groups.get(groupOf(row))?.heap.pop()
    tenant.lastTurn = ++this.#turns
    for (const window of this.#windowsOf(row.tenant, row.agent, row.model)) window.start(now)
    this.#count(row, -1)
    const running: QueueRow = { ...row, status: 'running', attempts: row.attempts + 1 }
    this.#count(running, 1)
    this.#rows.set(row.run, running)
    this.#unconfirmed.set(row.run, row)
    return { run: row.run }
  }

  #best(tenant: Tenant, now: number): { row?: QueueRow; waitUntil: number | null } {
    let waitUntil: number | null = null
    let best: QueueRow | undefined
    if (tenant.running >= (this.#ofTenant(tenant.name)?.concurrency ?? Infinity)) return { waitUntil }
    for (const [name, { isSuspect, agent, model, heap }] of tenant.groups) {
      const row = this.#firstOf(heap)
      if (!row) {
        tenant.groups.delete(name)
        continue
      }
      if (isSuspect && this.#suspectsRunning > 0) continue
      if ((this.#runningOfAgent.get(agent) ?? 0) >= (this.#limits.agents?.[agent]?.concurrency ?? Infinity)) continue
      const at = Math.max(now, ...this.#windowsOf(tenant.name, agent, model).map((window) => window.nextAt(now)))
      if (at > now) waitUntil = earliest(waitUntil, at)
      else if (!best || isBefore(row, best)) best = row
    }
    return best ? { row: best, waitUntil } : { waitUntil }
  }

  #firstOf(heap: Heap<QueueRow>): QueueRow | undefined {
    while (heap.first && !this.#isCurrent(heap.first)) heap.pop()
    return heap.first
  }

  #ready(row: QueueRow): void {
    const tenant = this.#tenantOf(row.tenant)
    const name = groupOf(row)
    const group = tenant.groups.get(name) ?? {
      isSuspect: isSuspect(row),
      agent: row.agent,
      model: row.model,
      heap: new Heap<QueueRow>(isBefore),
    }
    tenant.groups.set(name, group)
    group.heap.push(row)
  }

  #promote(now: number): void {
    for (let row = this.#delayed.first; row && (row.notBefore ?? 0) <= now; row = this.#delayed.first) {
      this.#delayed.pop()
      if (this.#isCurrent(row)) this.#ready(row)
    }
  }

  #nextTime(): number | null {
    return earliest(this.#delayed.first?.notBefore ?? null, this.#expiring.first?.expiresAt ?? null)
  }

  #isCurrent(row: QueueRow): boolean {
    return this.#rows.get(row.run) === row
  }

  #count(row: QueueRow | undefined, by: number): void {
    if (row?.status !== 'running') return
    this.#tenantOf(row.tenant).running += by
    if (row.attempts > SUSPECT_ATTEMPTS) this.#suspectsRunning += by
    this.#runningOfAgent.set(row.agent, (this.#runningOfAgent.get(row.agent) ?? 0) + by)
  }

  #tenantOf(name: string): Tenant {
    const tenant = this.#tenants.get(name) ?? { name, groups: new Map<string, Group>(), running: 0, lastTurn: 0 }
    this.#tenants.set(name, tenant)
    return tenant
  }

  #ofTenant(name: string): QueueLimits['tenant'] {
    return this.#limits.tenants?.[name] ?? this.#limits.tenant
  }

  #windowsOf(tenant: string, agent: string, model: string): readonly RateWindow[] {
    return [
      this.#windowOf(`tenant ${tenant}`, this.#ofTenant(tenant)?.rate),
      this.#windowOf(`agent ${agent}`, this.#limits.agents?.[agent]?.rate),
      this.#windowOf(`model ${model}`, this.#limits.models?.[model]?.rate),
    ].filter((window) => window !== undefined)
  }

  #windowOf(name: string, rate: Rate | undefined): RateWindow | undefined {
    if (!rate) return undefined
    const window = this.#rates.get(name) ?? new RateWindow(rate)
    this.#rates.set(name, window)
    return window
  }
}

function groupOf(row: QueueRow): string {
  return `${row.agent} ${row.model}${isSuspect(row) ? ' suspect' : ''}`
}

function isSuspect({ attempts }: QueueRow): boolean {
  return attempts >= SUSPECT_ATTEMPTS
}

function isBefore(a: QueueRow, b: QueueRow): boolean {
  return a.priority < b.priority || (a.priority === b.priority && a.ordinal < b.ordinal)
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}
