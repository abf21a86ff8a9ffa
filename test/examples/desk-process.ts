/**
 * One process of the stock desk: `node desk-process.ts ORDER`, where ORDER is JSON. Runs it, or resumes it, and prints how it
 * ended as one line. With `known` it dies by `kill -9` right after the first append with a transition that is not among these.
 */
import { openRuntime, type Agent, type EngineAdapter } from 'troupe'
import { sqlite } from 'troupe/engine/sqlite'
import { resolveModel } from 'troupe/models'
import { readPrices } from '../../examples/stock-desk/prices.ts'
import { PRICES_FILE, SCRIPT_FILES } from '../../examples/stock-desk/settings.ts'
import { QUESTION, stockDesk } from '../../examples/stock-desk/stock-desk.ts'
import { transitionsIn, type DeskOrder } from './desk-order.ts'
import { detours } from './detours.ts'

type Store = Awaited<ReturnType<EngineAdapter['open']>>

const { team, store, outDir, run: runId, resumes, known } = JSON.parse(process.argv[2] ?? '') as DeskOrder

function killing(engine: EngineAdapter, before: ReadonlySet<string>): EngineAdapter {
  return { name: engine.name, effects: engine.effects, open: async () => killingStore(await engine.open(), before) }
}

function killingStore(inner: Store, before: ReadonlySet<string>): Store {
  const append: Store['append'] = async (id, entries, epoch) => {
    const appended = await inner.append(id, entries, epoch)
    if (transitionsIn(entries).some((transition) => !before.has(transition))) {
      process.kill(process.pid, 'SIGKILL') // No handler, no `finally`, nothing flushed.
      for (;;);
    }
    return appended
  }
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'append') return append
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

async function teamOf(): Promise<Agent> {
  switch (team) {
    case 'desk': {
      const model = await resolveModel(`script:${SCRIPT_FILES.typescript}`)
      return stockDesk({ prices: await readPrices(PRICES_FILE), outDir }).withDefaults({ model })
    }
    case 'detours':
      return detours(5)
    case 'limit':
      return detours(1)
  }
}

const agent = await teamOf()
const engine = sqlite({ path: store })
const runtime = await openRuntime({ engine: known ? killing(engine, new Set(known)) : engine, agents: [agent], parkAfterMs: 20 })
const run = resumes ? runtime.resume(runId) : runtime.run(agent, QUESTION, { runId })
let result = await run.untilWaiting()
for (; result.status === 'waiting'; result = await run.untilWaiting()) {
  const { waits } = await runtime.get(runId)
  for (const { callId } of waits.filter(({ reason }) => reason === 'approval')) await runtime.approve(runId, callId, { by: 'the test' })
  await new Promise((resolve) => setTimeout(resolve, 5))
}
await runtime[Symbol.asyncDispose]()
const { status } = result
const end = { status, output: 'output' in result ? result.output : null, error: 'error' in result ? (result.error ?? null) : null }
process.stdout.write(`${JSON.stringify(end)}\n`)
