import type { Agent } from '../../src/agent/agent.ts'
import type { RunInput } from '../../src/client/entry.ts'
import type { RunEvent } from '../../src/client/event.ts'
import type { Run } from '../../src/engine/run.ts'
import { codeAgent } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import type { JsonValue } from '../../src/util/json.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { crashEverywhere, type CrashReport } from '../../src/testing/crash-runner.ts'
import type { RunOptions } from '../../src/engine/runtime.ts'

export type Doing = (input: RunInput) => JsonValue | Promise<JsonValue>

/** A member without a model: one effect, whose value is its whole answer. */
export function plain<const Name extends string>(name: Name, doing: Doing, toolNames: readonly string[] = []): Agent<unknown, Name> {
  const agent: Agent<unknown, Name> = {
    kind: 'tool',
    name,
    description: `Does what ${name} does.`,
    version: '1.0.0',
    agents: [],
    toolNames,
    activate: async (input, ctx) => ({ status: 'done', output: await ctx.step('work', async () => doing(input)) }),
    run: () => {
      throw new Error('only as a member')
    },
    withDefaults: () => agent,
  }
  return agent
}

/** An answer with evidence from what the task was given. */
export function proved(output: JsonValue, ref: string, quote: string): JsonValue {
  return { output, evidence: [{ ref, quote }] }
}

export function code(text: string): string {
  return '```ts\n' + text.trim() + '\n```'
}

/** A code agent whose model gives these pieces of code in turn. */
export function coder<const Name extends string>(
  name: Name,
  turns: readonly string[],
  options: Partial<Parameters<typeof codeAgent>[0]> = {},
): Agent<unknown, Name> {
  return codeAgent({ ...options, name, description: `Codes as ${name}.`, model: scriptedModel(turns.map(code)) }) as Agent<unknown, Name>
}

export async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

/** The ways of the run's own machine, as `from>to`. */
export function statesIn(events: readonly RunEvent[], task?: string): readonly string[] {
  return events.flatMap((event) => (event.type === 'state' && event.task === task ? [`${event.from}>${event.to}`] : []))
}

export async function crashed(agent: () => Agent, options?: RunOptions): Promise<CrashReport> {
  return crashEverywhere({ agent, task: 'Reach the goal.', engine: () => memory(), ...(options && { options }) })
}

/** How a run ended, whatever its status: its output and the message of its error, if there are any. */
export async function ended(run: Run): Promise<{ readonly status: string; readonly output: unknown; readonly message: string }> {
  const result = await run
  return {
    status: result.status,
    output: 'output' in result ? result.output : undefined,
    message: 'error' in result ? (result.error?.message ?? '') : '',
  }
}
