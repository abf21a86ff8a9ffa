import { describe, expect, it } from 'vitest'
import { codeAgent, openRuntime } from '../../src/index.ts'
import { memory } from '../../src/engine/memory/memory.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code } from './support.ts'

const description = 'Works things out.'

describe('5: what a run knows of the runs before it', () => {
  // smolagents keeps memory in the agent until run(reset=True); an agent of Troupe holds nothing, a session does.
  const model = scriptedModel([
    { reply: (prompt) => code(`var count = typeof count === 'undefined' ? 1 : count + 1\nfinalAnswer([count, ${prompt.length}])`) },
  ])
  const agent = codeAgent({ name: 'worker', description, model })

  it('5: runs of one session see the messages and the variables before them; a run of none begins anew', async () => {
    await using runtime = await openRuntime({ engine: memory() })
    const session = { session: 'day' }
    expect(await runtime.run(agent, 'first', session)).toMatchObject({ output: [1, 2] })
    expect(await runtime.run(agent, 'second', session)).toMatchObject({ output: [2, 5] })
    expect(await runtime.run(agent, 'the lonely task')).toMatchObject({ output: [1, 2] })
    expect(await runtime.run(agent, 'third', { ...session, freshSandbox: true })).toMatchObject({ output: [1, 8] })
    expect(model.prompts.at(-1)).toMatch(/first.*second.*third/s)
    expect(model.prompts.at(-1)).not.toContain('lonely')
  })
})
