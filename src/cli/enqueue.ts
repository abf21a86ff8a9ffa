import type { QueueOptions, RunOptions, Runtime } from '../engine/runtime.ts'
import type { Agent, TroupeConfig } from '../index.ts'
import { EXIT } from './exit-code.ts'
import { note, printJson } from './output.ts'
import { openStore, storeOptions, type KeptAddress } from './stores.ts'

export interface EnqueueOptions {
  readonly address: KeptAddress
  readonly config: TroupeConfig
  readonly agent: Agent
  readonly task: string
  readonly options: Omit<RunOptions, 'on' | 'signal'> & QueueOptions
}

/** Queues a run for the workers of its store and tells its id; says so when there is no worker. */
export async function enqueue({ address, config, agent, task, options }: EnqueueOptions): Promise<number> {
  await using runtime = await openStore(address, storeOptions(config))
  const runId = await runtime.enqueue(agent, task, options)
  await printJson({ type: 'run-queued', runId, status: 'queued' })
  await noteUnserved(runtime, address)
  return EXIT.done
}

/** Says so where nobody takes runs from the queue of a store. */
export async function noteUnserved(runtime: Runtime, address: KeptAddress): Promise<void> {
  if (await runtime.isServed()) return
  await note(`no worker serves ${address.url} now: the run waits until one does (troupe worker --store ${address.url})`)
}
