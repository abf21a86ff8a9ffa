import type { Runtime } from 'troupe'

/** What a runtime runs: a name and a function. */
export type PlainAgent = Parameters<Runtime['enqueue']>[0]
export type Context = Parameters<PlainAgent['activate']>[1]

/** An agent without a model or a sandbox: what is measured is the engine alone. */
export function plainAgent(name: string, activate: (ctx: Context, task: string) => Promise<void>): PlainAgent {
  return {
    name,
    version: '1',
    activate: async (input, ctx) => {
      await activate(ctx, input.task)
      return { status: 'done' }
    },
  }
}
