import type { LoadPeer, PeerRun, Zod } from './peers.ts'

interface Messages {
  readonly AIMessage: new (fields: object) => object
}
interface ChatModels {
  readonly BaseChatModel: new (fields: object) => object
}
interface Tools {
  readonly tool: (run: (input: { n: number }) => Promise<number>, options: object) => object
}
interface Prebuilt {
  readonly createReactAgent: (options: object) => {
    invoke(input: object, options: object): Promise<{ messages: readonly { content: unknown }[] }>
  }
}

/** A run of LangGraph's prebuilt agent, without a checkpointer. */
export async function langGraphRun(load: LoadPeer, steps: number): Promise<PeerRun> {
  const { AIMessage } = await load<Messages>('@langchain/core/messages')
  const { BaseChatModel } = await load<ChatModels>('@langchain/core/language_models/chat_models')
  const { tool } = await load<Tools>('@langchain/core/tools')
  const { createReactAgent } = await load<Prebuilt>('@langchain/langgraph/prebuilt')
  const { z } = await load<Zod>('zod')

  class Stub extends BaseChatModel {
    _llmType(): string {
      return 'stub'
    }
    bindTools(): this {
      return this
    }
    async _generate(messages: readonly { getType(): string }[]): Promise<object> {
      const turn = messages.filter((message) => message.getType() === 'ai').length
      const text = turn < steps ? '' : 'done'
      const toolCalls = turn < steps ? [{ id: `call_${turn}`, name: 'probe', args: { n: turn }, type: 'tool_call' }] : []
      return { generations: [{ text, message: new AIMessage({ content: text, tool_calls: toolCalls }) }] }
    }
  }
  const probe = tool(async ({ n }) => n, { name: 'probe', description: 'Gives a number.', schema: z.object({ n: z.number() }) })
  const agent = createReactAgent({ llm: new Stub({}), tools: [probe] })
  return async () => {
    const { messages } = await agent.invoke({ messages: [{ role: 'user', content: 'Probe.' }] }, { recursionLimit: 3 * steps })
    if (messages.at(-1)?.content !== 'done') throw new Error(`LangGraph answered ${String(messages.at(-1)?.content)}`)
  }
}
