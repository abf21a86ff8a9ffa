import type { AgentRef } from '../../engine/context.ts'
import { castOf, checkPlaced, type Cast } from '../agents.ts'
import type { Command, CommandInput } from '../command.ts'
import { loadConfig } from '../config.ts'
import { edgesPlan } from '../edges-plan.ts'
import { listFlag, numberFlag, secondsFlag, textFlag } from '../flags.ts'
import { AGENT_FLAGS, STORE_FLAGS } from '../shared-flags.ts'
import { keptAddress, openStore, storeOptions } from '../stores.ts'
import { serveQueue } from '../serve-queue.ts'
import { workerView } from '../view/worker-view.ts'
import { PARK_UNATTENDED_MS } from '../workplace.ts'

const DEFAULT_GRACE_MS = 30_000

export const workerCommand: Command = {
  usage: '',
  about:
    'Takes runs from the queue of a store and drives each until it ends or waits. SIGTERM and Ctrl-C drain: it takes no more, lets what is under way end or park, stops the rest resumably when the grace is over, and exits 0. A second signal ends it at once.',
  positionals: [0, 0],
  flags: {
    concurrency: { type: 'string', value: 'N', about: 'runs at once; default 4' },
    agents: {
      type: 'string',
      value: 'a,b',
      about: 'take runs of these agents only, as --agent names them; default: all that are configured',
    },
    grace: {
      type: 'string',
      value: 'SECONDS',
      about: `how long runs may go on after the first signal; default ${DEFAULT_GRACE_MS / 1000}`,
    },
    ...AGENT_FLAGS,
    ...STORE_FLAGS,
  },

  async run({ flags }: CommandInput): Promise<number> {
    const concurrency = numberFlag(flags, 'concurrency', { min: 1 })
    const names = listFlag(flags, 'agents')
    const graceMs = secondsFlag(flags, 'grace') ?? DEFAULT_GRACE_MS
    const config = await loadConfig(textFlag(flags, 'config'))
    const address = keptAddress(textFlag(flags, 'store') ?? config.store)
    const cast = await castOf(config, flags)
    const agents = names?.map((name) => loggedName(cast, name))
    checkPlaced(Object.values(cast.agents))
    const edges = edgesPlan(cast, agents, address)
    const runtime = await openStore(address, {
      ...storeOptions(config),
      parkAfterMs: PARK_UNATTENDED_MS,
      agents: [...(edges?.serves ?? []), ...Object.values(cast.agents)],
    })
    const { limits, backoff } = config.queue ?? {}
    const work = {
      ...(concurrency !== undefined && { concurrency }),
      ...(agents && { agents }),
      ...(limits && { limits }),
      ...(backoff && { backoff }),
    }
    return serveQueue({
      runtime,
      work,
      graceMs,
      view: workerView(flags['json'] === true),
      store: address.url,
      ...(edges && { openEdges: async () => (await import('../edges.ts')).openEdges({ ...edges, runtime }) }),
    })
  },
}

/** The name by which logs know an agent that `--agents` names: a configured one, or one below it that has a place in the queue. */
function loggedName(cast: Cast, name: string): string {
  if (Object.hasOwn(cast.agents, name)) return cast.chosen(name).name
  const called = Object.values(cast.agents).flatMap(queuedBelow)
  return called.find((agent) => agent.name === name)?.name ?? cast.chosen(name).name // Which says what names there are.
}

function queuedBelow({ agents = [] }: AgentRef): readonly AgentRef[] {
  return agents.flatMap((called) => [...(called.placement?.type === 'queue' ? [called] : []), ...queuedBelow(called)])
}
