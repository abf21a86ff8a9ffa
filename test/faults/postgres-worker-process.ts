/** One worker of a fleet: `node postgres-worker-process.ts ORDER`. Prints one JSON object a line; exits with 70 when it lost its place. */
import { castOf } from './cast.ts'
import type { WorkerOrder } from './postgres-worker.ts'
import { dbos } from '../../src/engine/dbos/dbos.ts'
import { openRuntime } from '../../src/engine/runtime.ts'

const { store, url, concurrency, staleMs } = JSON.parse(process.argv[2] ?? '') as WorkerOrder
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

const runtime = await openRuntime({
  engine: dbos({ url: store, sweepMs: 200, staleMs }),
  agents: Object.values(castOf(url)),
  parkAfterMs: 0,
})
const worker = await runtime.work({ concurrency, onTurn: ({ type, run }) => say({ type, run }) })
worker.lost.then(
  ({ message }) => process.stdout.write(`${JSON.stringify({ type: 'lost', message })}\n`, () => process.exit(70)),
  () => process.exit(71),
)
process.on('SIGTERM', () => {
  worker.drain(10_000).then(
    () => process.stdout.write(`${JSON.stringify({ type: 'drained' })}\n`, () => process.exit(0)),
    () => process.exit(72),
  )
})
say({ type: 'works' })
