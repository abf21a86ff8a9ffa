import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** What is used of isolated-vm: V8 isolates in the process itself. */
interface Ivm {
  readonly Isolate: new (options: { memoryLimit: number }) => Isolate
  readonly Reference: new (value: unknown) => unknown
}

interface Isolate {
  createContext(): Promise<Context>
  dispose(): void
}

interface Context {
  eval(code: string): Promise<unknown>
  evalClosure(code: string, args: readonly unknown[], options: object): Promise<unknown>
}

export interface IvmRuns {
  /** A new isolate and its first code. */
  start(): Promise<void>
  /** Evaluates code in an isolate that is there. */
  compute(code: string): Promise<void>
  /** Calls of a host function, one after the other. */
  calls(count: number): Promise<void>
}

/** From the folder that `BENCH_PEERS` names; null where it is not installed. Needs Node's flag `--no-node-snapshot`. */
export async function isolatedVm(): Promise<IvmRuns | null> {
  const folder = process.env['BENCH_PEERS']
  if (folder === undefined || !existsSync(join(folder, 'node_modules/isolated-vm'))) return null
  const ivm = createRequire(join(folder, 'package.json'))('isolated-vm') as Ivm
  const held = new ivm.Isolate({ memoryLimit: 64 })
  const context = await held.createContext()
  const probe = new ivm.Reference(async () => 1)
  return {
    async start() {
      const isolate = new ivm.Isolate({ memoryLimit: 64 })
      await (await isolate.createContext()).eval('1 + 1')
      isolate.dispose()
    },
    async compute(code) {
      await context.eval(code)
    },
    async calls(count) {
      const code = `return (async () => { let sum = 0; for (let i = 0; i < ${count}; i++) sum += await $0.apply(undefined, [i], { result: { promise: true, copy: true } }); return sum })()`
      const sum = await context.evalClosure(code, [probe], { result: { promise: true, copy: true } })
      // plain error: a fault of the bench
      if (sum !== count) throw new Error(`isolated-vm counted ${String(sum)} of ${count} calls`)
    },
  }
}
