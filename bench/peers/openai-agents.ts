import type { LoadPeer, PeerRun, Zod } from './peers.ts'

interface OpenAiAgents {
  readonly Agent: new (options: object) => object
  readonly Runner: new (options: object) => { run(agent: object, input: string, options: object): Promise<{ finalOutput?: unknown }> }
  readonly Usage: new (counts: object) => object
  readonly tool: (options: object) => object
  readonly setTracingDisabled: (isDisabled: boolean) => void
}

/** A run of `@openai/agents` with tracing off. */
export async function openAiAgentsRun(load: LoadPeer, steps: number): Promise<PeerRun> {
  const { Agent, Runner, Usage, tool, setTracingDisabled } = await load<OpenAiAgents>('@openai/agents')
  const { z } = await load<Zod>('zod')
  setTracingDisabled(true)
  const usage = new Usage({ requests: 1, inputTokens: 100, outputTokens: 10, totalTokens: 110 })
  const model = {
    async getResponse({ input }: { input: string | readonly { type?: string }[] }): Promise<object> {
      const turn = typeof input === 'string' ? 0 : input.filter((item) => item.type === 'function_call').length
      const call = {
        type: 'function_call',
        callId: `call_${turn}`,
        name: 'probe',
        arguments: JSON.stringify({ n: turn }),
        status: 'completed',
      }
      const answer = { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'done' }] }
      return { usage, output: [turn < steps ? call : answer] }
    },
  }
  const probe = tool({
    name: 'probe',
    description: 'Gives a number.',
    parameters: z.object({ n: z.number() }),
    execute: async ({ n }: { n: number }) => n,
  })
  const agent = new Agent({ name: 'prober', instructions: 'Probe.', model, tools: [probe] })
  const runner = new Runner({ tracingDisabled: true })
  return async () => {
    const { finalOutput } = await runner.run(agent, 'Probe.', { maxTurns: steps + 2 })
    if (finalOutput !== 'done') throw new Error(`@openai/agents answered ${String(finalOutput)}`)
  }
}
