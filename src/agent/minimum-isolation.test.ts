import { describe, expect, it } from 'vitest'
import { TroupeError } from '../errors/troupe-error.ts'
import { codeAgent, type Agent } from '../index.ts'
import type { Isolation, Sandbox } from '../sandbox/sandbox.ts'
import { scriptedModel } from '../testing/scripted-model.ts'

function sandboxOf(isolation: Isolation, check?: () => Promise<string>): Sandbox & { opened: number } {
  return {
    name: 'stub',
    languages: ['typescript'],
    capabilities: { isolation, parallelCalls: true, snapshots: false, deterministic: false, fuel: false },
    opened: 0,
    ...(check && { check }),
    async open() {
      this.opened++
      throw new TypeError('this one only counts')
    },
  }
}

const agentIn = (sandbox: Sandbox, minimumIsolation?: Isolation) => {
  const model = scriptedModel(['```ts\nfinalAnswer(1)\n```'])
  const agent = codeAgent({ name: 'main', description: 'x', model, sandbox, maxSteps: 1, ...(minimumIsolation && { minimumIsolation }) })
  return { agent, asked: () => model.calls.length }
}

/** What a run throws. */
async function faultOf(agent: Agent): Promise<TroupeError> {
  try {
    await agent.run('go')
  } catch (error) {
    if (TroupeError.is(error)) return error
  }
  throw new TypeError('the run did not fail as it should')
}

describe('minimumIsolation', () => {
  it('ends a run whose sandbox is weaker before anything was asked or opened', async () => {
    const sandbox = sandboxOf('namespace')
    const { agent, asked } = agentIn(sandbox, 'container')
    const error = await faultOf(agent)
    expect(error.code).toBe('sandbox/unavailable')
    expect(error.message).toContain('isolation container or stronger, and sandbox stub gives namespace')
    expect([asked(), sandbox.opened]).toEqual([0, 0])
  })

  it('lets a run with as much or more go on', async () => {
    for (const isolation of ['container', 'gvisor'] as const) {
      const { agent, asked } = agentIn(sandboxOf(isolation), 'container')
      await Promise.allSettled([agent.run('go')])
      expect(asked()).toBe(1)
    }
  })

  it('takes the strongest of all demands, whoever makes it', async () => {
    const { agent } = agentIn(sandboxOf('container'), 'namespace')
    expect((await faultOf(agent.withDefaults({ minimumIsolation: 'gvisor' }))).message).toContain('gvisor or stronger')
    const strict = agentIn(sandboxOf('container'), 'gvisor').agent
    expect((await faultOf(strict.withDefaults({ minimumIsolation: 'interpreter' }))).message).toContain('gvisor or stronger')
  })

  it('looks whether the machine has the sandbox before anything runs', async () => {
    const { agent, asked } = agentIn(sandboxOf('gvisor', () => Promise.reject(new TroupeError('sandbox/unavailable', 'no daemon'))))
    expect(await faultOf(agent)).toMatchObject({ code: 'sandbox/unavailable', message: 'no daemon' })
    expect(asked()).toBe(0)
  })
})
