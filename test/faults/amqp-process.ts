/**
 * One process of a test of the edges: `node amqp-process.ts ORDER`, where ORDER is JSON. Says one line when it is ready, and goes on
 * until it is killed.
 */
import { consumeTasks, serveAgents } from '../../src/engine/amqp/amqp.ts'
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { doer } from './amqp-cast.ts'

interface Order {
  readonly task: 'consume' | 'serve'
  readonly broker: string
  readonly store: string
  readonly outside: string
  /** Dies by `kill -9` when: its first run is queued and not acknowledged, or its first run has done one of two things. */
  readonly dies?: 'after-enqueue' | 'in-the-middle' | 'after-the-end'
}

const { task, broker, store, outside, dies } = JSON.parse(process.argv[2] ?? '') as Order

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;); // The signal ends this before its next turn.
}

const agent = doer(outside, async () => (dies === 'in-the-middle' ? die() : undefined))
const runtime = await openRuntime({ engine: sqlite({ path: store }), agents: [agent] })
if (task === 'consume') {
  const enqueue: typeof runtime.enqueue = async (...args) => {
    const run = await runtime.enqueue(...args)
    return dies === 'after-enqueue' ? die() : run
  }
  await consumeTasks({ url: broker, runtime: { enqueue }, agents: [agent] })
} else {
  const serving = {
    run: ((...args) => runtime.run(...args)) as typeof runtime.run,
    resume: ((...args) => runtime.resume(...args)) as typeof runtime.resume,
    cancel: ((...args) => runtime.cancel(...args)) as typeof runtime.cancel,
    entries: async (run: string) => {
      const entries = await runtime.entries(run)
      return dies === 'after-the-end' && entries.some(({ type }) => type === 'run-end') ? die() : entries
    },
  }
  await serveAgents({ url: broker, runtime: serving, agents: [agent] })
}
process.stdout.write('ready\n')
