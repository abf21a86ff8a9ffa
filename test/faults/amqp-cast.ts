import type { AgentRef, ChildOutcome } from '../../src/engine/context.ts'
import type { JsonValue } from '../../src/util/json.ts'

/** Does two things to the world outside, one after the other, each in a step of its own; the task names them. */
export function doer(url: string, between: () => Promise<void> = async () => {}): AgentRef {
  return {
    name: 'doer',
    version: '1.0.0',
    async activate({ task }, ctx) {
      await ctx.step('one', () => touch(`${url}/${task}.one`))
      await between()
      await ctx.step('two', () => touch(`${url}/${task}.two`))
      return { status: 'done', output: `did ${task}` }
    },
  }
}

/** Calls another agent with its own task, and gives how that ended. */
export function caller(called: AgentRef): AgentRef {
  return {
    name: 'caller',
    version: '1.0.0',
    agents: [called],
    async activate({ task }, ctx) {
      const outcome: ChildOutcome = await ctx.child('call', called, { task })
      return { status: 'done', output: { status: outcome.status, output: outcome.output ?? null, error: outcome.error?.code ?? null } }
    },
  }
}

async function touch(url: string): Promise<JsonValue> {
  return (await fetch(url)).text()
}
