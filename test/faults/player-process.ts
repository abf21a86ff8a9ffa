/**
 * One process of a fault test: `node player-process.ts ORDER`, where ORDER is JSON. Prints one JSON object a line, the last
 * one with how it ended. Answers everything that its run asks.
 */
import { flushCompileCache } from 'node:module'
import { castOf } from './cast.ts'
import { engineOf } from './engine-of.ts'
import { killing } from './killing.ts'
import type { Order } from './player.ts'
import type { Sandbox } from '../../src/index.ts'
import { TroupeError } from '../../src/errors/troupe-error.ts'
import { openRuntime, type Runtime } from '../../src/engine/runtime.ts'
import type { Run } from '../../src/engine/run.ts'
import { approveAll } from '../../src/testing/crash-runner.ts'

const order = JSON.parse(process.argv[2] ?? '') as Order
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

async function sandboxOf({ sandbox, rootfs = '', socketPath = '', image = '' }: NonNullable<Order['six']>): Promise<Sandbox | undefined> {
  switch (sandbox) {
    case 'bubblewrap':
      return (await import('../../src/sandbox/bubblewrap/bubblewrap.ts')).bubblewrap({ rootfs, warm: 0 })
    case 'container':
    case 'gvisor': {
      const { container } = await import('../../src/sandbox/container/container.ts')
      return container({ socketPath, image, runtime: sandbox === 'gvisor' ? 'runsc' : 'runc', warm: 0 })
    }
    case 'quickjs':
    case 'monty':
      return undefined // Of the language.
    default:
      return sandbox satisfies never
  }
}

/** Follows a run to its end; what it asks is answered as a person would who says yes. */
async function toTheEnd(runtime: Runtime, run: Run, isAnswering: boolean): Promise<void> {
  for (;;) {
    const result = await run.untilWaiting()
    if (result.status !== 'waiting') return say({ type: 'end', status: result.status, output: 'output' in result ? result.output : null })
    if (!isAnswering) return say({ type: 'waiting' })
    await approveAll(runtime, run.id)
    const { waits } = await runtime.get(run.id)
    if (waits.some(({ reason }) => reason === 'signal')) await runtime.signal(run.id, 'word', 'hello')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

async function play(): Promise<void> {
  flushCompileCache() // A process that is killed would leave none.
  const sandbox = order.six && (await sandboxOf(order.six))
  const cast = castOf(order.url, {
    ...(order.six && { language: order.six.language, isParallel: order.six.isParallel }),
    ...(sandbox && { sandbox }),
  })
  const engine = engineOf(order.store)
  const runtime = await openRuntime({
    engine: order.boundary ? killing(engine, order.boundary) : engine,
    agents: Object.values(cast),
    parkAfterMs: 0,
  })
  const { task } = order
  switch (task.type) {
    case 'run': {
      const agent = cast[task.agent]
      if (!agent) throw new RangeError(`no agent ${task.agent}`)
      await toTheEnd(runtime, runtime.run(agent, 'Go.', { runId: task.run, budget: { tokens: 10_000_000 } }), true)
      break
    }
    case 'resume':
      await toTheEnd(runtime, runtime.resume(task.run, task), true)
      break
    case 'work': {
      const worker = await runtime.work({ ...task.options, onTurn: ({ type, run }) => say({ type, run }) })
      const stop = (): void => {
        say({ type: 'drains' })
        worker.drain(task.graceMs ?? 30_000).then(
          () => {
            say({ type: 'drained' })
            process.exit(0)
          },
          (error: unknown) => say({ type: 'error', message: String(error) }),
        )
      }
      process.on('SIGTERM', stop)
      say({ type: 'works' })
      return
    }
    default:
      task satisfies never
  }
  await runtime[Symbol.asyncDispose]()
  process.exit(0)
}

try {
  await play()
} catch (error) {
  const { code, message } = TroupeError.wrap(error, 'agent/failed')
  process.stdout.write(`${JSON.stringify({ type: 'error', code, message })}\n`, () => process.exit(1))
}
