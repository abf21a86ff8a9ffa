/**
 * `node snapshot-process.ts STORE [RUN]`: begins a run and leaves when it is parked, or goes on with one and approves what it asks
 * for. Prints how that ended.
 */
import { openRuntime } from '../../src/engine/runtime.ts'
import { sqlite } from '../../src/engine/sqlite/sqlite.ts'
import { quickjs } from '../../src/sandbox/quickjs/quickjs.ts'
import { approveAll } from '../../src/testing/crash-runner.ts'
import { snapshotAgent, watched } from './snapshot-agent.ts'

const [path = '', run = ''] = process.argv.slice(2)
const [seen, done]: [string[], string[]] = [[], []]
await using sandbox = quickjs()
const agent = snapshotAgent(watched(sandbox, seen), done)
await using runtime = await openRuntime({ engine: sqlite({ path }), agents: [agent], parkAfterMs: 0 })
const handle = run === '' ? runtime.run(agent, 'Burn.') : runtime.resume(run)
if (run !== '') await approveAll(runtime, run)
const result = await handle.untilWaiting()
process.stdout.write(
  JSON.stringify({ run: handle.id, status: result.status, output: result.status === 'done' ? result.output : null, seen, done }),
)
