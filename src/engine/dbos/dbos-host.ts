import { DBOS } from '@dbos-inc/dbos-sdk'
import { DBOSExecutor } from '@dbos-inc/dbos-sdk/internal/dbos-executor'
import { wfQueueRunner } from '@dbos-inc/dbos-sdk/internal/wfqueue'
import type { Pool } from 'pg'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { QueueLimits, Rate } from '../queue.ts'
import { isTaken } from '../queue-errors.ts'
import { openPool, SILENT, type Database } from './database.ts'
import { storeFault } from './pg-fault.ts'
import { APPLICATION_VERSION } from './functions.ts'
import { APPLICATION_NAME, partitionOf, queueNameOf, WORKFLOW_NAME } from './names.ts'

/** What DBOS hands out: one activation of a run. */
export type Turn = (run: string, segment: string) => Promise<void>

export interface HostOptions {
  readonly database: Database
  /** DBOS's executor id: new in each process, so that nobody takes another's turns for its own. */
  readonly id: string
  readonly agents: readonly string[]
  readonly limits: QueueLimits
  readonly pollMs: number
  readonly turn: Turn
  /** How many turns each of these tenants may give this process now; asked once at every look into a queue. */
  share(tenants: readonly string[]): Promise<ReadonlyMap<string, number>>
}

/** Connections of DBOS's own pool. */
const POOL_SIZE = 5
/** DBOS looks for delayed turns once a second by itself: timers would be late by as much. */
const DELAYED_LOOK_MS = 100
/** No cap, where DBOS wants a number. */
const UNCAPPED = 1_000_000

/** DBOS is one to a process, so there is one worker to a process. */
let current: HostOptions | null = null
let currentPool: Pool | null = null

/** Whether this process serves a store already. */
export function isHosting(): boolean {
  return current !== null
}

/**
 * Starts DBOS in this process as one of the store's workers: it polls a queue for each agent, each parted by tenants.
 * Throws `queue/taken` where this process is a worker already, of this store or another.
 */
export async function startHost(options: HostOptions): Promise<void> {
  if (current) throw isTaken('this process (DBOS is one to a process)')
  current = options
  const pool = openPool(options.database.url, POOL_SIZE)
  currentPool = pool
  try {
    registerOnce()
    DBOS.setConfig({
      name: APPLICATION_NAME,
      systemDatabaseUrl: options.database.url,
      systemDatabaseSchemaName: options.database.schemas.dbosName,
      systemDatabasePool: pool,
      systemDatabasePoolSize: POOL_SIZE,
      executorID: options.id,
      applicationVersion: APPLICATION_VERSION,
      listenQueues: options.agents.map(queueNameOf),
      maxConcurrentQueueDispatches: 1,
      useListenNotify: false,
      logger: SILENT,
    })
    tuneTimers(options.pollMs)
    await DBOS.launch()
    shareFairly(options)
    for (const agent of options.agents) await registerQueue(agent, options)
  } catch (error) {
    await stopHost()
    throw TroupeError.is(error) ? error : storeFault(error, options.database.place)
  }
}

/** Stops taking turns; those under way are the caller's to wait for. */
export async function stopHost(): Promise<void> {
  try {
    await DBOS.shutdown({ workflowCompletionTimeoutMS: 5_000 })
  } catch {
    // What it could not close is closed with the process.
  }
  await currentPool?.end().catch(ignore)
  current = null
  currentPool = null
}

let isRegistered = false

function registerOnce(): void {
  if (isRegistered) return
  isRegistered = true
  DBOS.registerWorkflow((run: string, segment: string) => current?.turn(run, segment) ?? Promise.resolve(), { name: WORKFLOW_NAME })
}

async function registerQueue(agent: string, { limits, pollMs }: HostOptions): Promise<void> {
  const ofAgent = limits.agents?.[agent]
  const most = mostOfTenants(limits)
  const concurrency = ofAgent?.concurrency
  const partition = Math.min(most ?? UNCAPPED, concurrency ?? UNCAPPED)
  const rate = limits.tenants ? undefined : limits.tenant?.rate
  await DBOS.registerQueue(queueNameOf(agent), {
    onConflict: 'always_update',
    minPollingIntervalMs: pollMs,
    ...(concurrency !== undefined && { globalConcurrency: concurrency }),
    ...(ofAgent?.rate && { rateLimit: rateOf(ofAgent.rate) }),
    ...(most !== undefined && { partitionConcurrency: partition }),
    // Also set where nobody caps anything: DBOS asks for each tenant's share by it, and takes another way without a rate.
    partitionWorkerConcurrency: partition,
    ...((rate || most === 1) && { partitionRateLimit: rate ? rateOf(rate) : { limitPerPeriod: UNCAPPED, periodSec: 0.001 } }),
  })
}

/** The highest cap of any tenant: lower ones are kept when a turn begins. None where a tenant has none. */
function mostOfTenants({ tenant, tenants }: QueueLimits): number | undefined {
  const caps = [tenant?.concurrency, ...Object.values(tenants ?? {}).map(({ concurrency }) => concurrency)]
  return caps.includes(undefined) ? undefined : Math.max(...caps.filter((cap) => cap !== undefined))
}

function rateOf({ limit, periodMs }: Rate): { limitPerPeriod: number; periodSec: number } {
  return { limitPerPeriod: limit, periodSec: periodMs / 1_000 }
}

/**
 * DBOS visits tenants in an order of chance, and gives the first of them all that is free. It asks two questions first:
 * which tenants there are, and how much of each runs here. Answered by what is each one's share now, the claims come out
 * fair; caps, rates and order within a tenant stay DBOS's. Its private methods: the version is pinned and tested.
 */
function shareFairly(options: HostOptions): void {
  const system = DBOSExecutor.globalInstance?.systemDatabase
  if (!system) throw new TroupeError('engine/store-failed', 'DBOS did not start')
  const partitionsOf = system.getQueuePartitions.bind(system)
  let shares: ReadonlyMap<string, number> = new Map()
  system.getQueuePartitions = async (queue) => {
    const partitions = await partitionsOf(queue)
    if (partitions.length === 0) return partitions
    shares = await options.share(partitions)
    return partitions.filter((partition) => (shares.get(partition) ?? 0) > 0)
  }
  system.countRunningWorkflowsForPartition = (queue, partition = partitionOf('')) => {
    const agent = options.agents.find((name) => queueNameOf(name) === queue) ?? ''
    const cap = Math.min(mostOfTenants(options.limits) ?? UNCAPPED, options.limits.agents?.[agent]?.concurrency ?? UNCAPPED)
    return cap - (shares.get(partition) ?? 0)
  }
}

function tuneTimers(pollMs: number): void {
  const timers = wfQueueRunner.constructor
  Reflect.set(timers, 'transitionIntervalMs', Math.max(DELAYED_LOOK_MS, pollMs))
  // Workers that meet over the same rows wait twice as long each time; without a bound, for minutes.
  Reflect.set(timers, 'defaultMaxPollingIntervalMs', Math.max(1_000, pollMs))
}

function ignore(): void {}
