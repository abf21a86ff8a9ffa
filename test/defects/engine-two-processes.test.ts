/** Faults of our own, found by review: what one process writes, another that is busy with the run has to hear. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent, tool, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { calling, code } from '../behaviours/support.ts'
import { opened, PLACES, soon, sqlitePlace, until } from './runtimes.ts'

const description = 'Works things out.'

/** A tool that ends when its signal is aborted, or by itself after a time in which that should have come. */
function endless(givesUpAfterMs: number = 10_000) {
  const seen = { begun: 0, aborted: 0 }
  const hang = tool({
    name: 'hang',
    description: 'Goes on and on.',
    effect: 'read',
    input: z.object({}),
    run: async (_, { signal }) => {
      seen.begun++
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, givesUpAfterMs)
        signal.addEventListener('abort', () => {
          seen.aborted++
          clearTimeout(timer)
          resolve()
        })
      })
      return 'over'
    },
  })
  return { seen, hang }
}

describe('an approval from another process', () => {
  it('is heard while the run is busy with something else', async () => {
    let isDeployed = false
    const deploy = tool({
      name: 'deploy',
      description: 'Deploys.',
      effect: 'irreversible',
      input: z.object({}),
      run: () => {
        isDeployed = true
        return 'deployed'
      },
    })
    const poll = tool({
      name: 'poll',
      description: 'Says whether it is deployed.',
      effect: 'read',
      input: z.object({}),
      run: async () => new Promise((resolve) => setTimeout(() => resolve(isDeployed), 25)),
    })
    const program =
      'const deploying = deploy({})\nlet polls = 0\nwhile (polls++ < 300 && !(await poll({}))) {}\nfinalAnswer([await deploying, polls < 300])'
    const agent = codeAgent({ name: 'worker', description, tools: [deploy, poll], model: scriptedModel(code(program)) })
    const { adapter } = sqlitePlace()
    const [runtime, other] = await Promise.all([opened(adapter()), opened(adapter())])
    const run = runtime.run(agent, 'Go.')
    await until(async () => ((await other.list())[0]?.waits.length ?? 0) > 0)
    await other.approve(run.id)
    expect(await run).toMatchObject({ status: 'done', output: ['deployed', true] })
  })
})

describe('a cancel from another process', () => {
  it('aborts the tool that runs', async () => {
    const { seen, hang } = endless()
    const agent = toolAgent({ name: 'worker', description, tools: [hang], model: scriptedModel([calling(['hang', {}]), 'over']) })
    const { adapter } = sqlitePlace()
    const [runtime, other] = await Promise.all([opened(adapter()), opened(adapter())])
    const run = runtime.run(agent, 'Go.')
    await until(() => seen.begun === 1)
    await other.cancel(run.id)
    expect(await soon(run)).toMatchObject({ status: 'cancelled' })
    await until(() => seen.aborted === 1, 5_000)
  })

  it('of one child aborts the tool that the child runs, and its parent goes on', async () => {
    const { seen, boss } = family()
    const { adapter } = sqlitePlace()
    const [runtime, other] = await Promise.all([opened(adapter()), opened(adapter())])
    const run = runtime.run(boss, 'Go.')
    await until(() => seen.begun === 1)
    await other.cancel(`${run.id}-1.1`)
    await until(() => seen.aborted === 1, 5_000)
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'went on' })
    expect(await runtime.get(`${run.id}-1.1`)).toMatchObject({ status: 'cancelled' })
  })
})

describe.each(PLACES)('a cancel of one child by the runtime that has it, on %s', (_, place) => {
  it('aborts the tool that the child runs, and its parent goes on', async () => {
    const { seen, boss } = family()
    const runtime = await opened(place().adapter())
    const run = runtime.run(boss, 'Go.')
    await until(() => seen.begun === 1)
    await runtime.cancel(`${run.id}-1.1`)
    await until(() => seen.aborted === 1, 5_000)
    expect(await soon(run)).toMatchObject({ status: 'done', output: 'went on' })
    expect(await runtime.get(`${run.id}-1.1`)).toMatchObject({ status: 'cancelled' })
  })
})

/** An agent that leads, and one that hangs. */
function family() {
  const { seen, hang } = endless()
  const helper = toolAgent({ name: 'helper', description, tools: [hang], model: scriptedModel([calling(['hang', {}]), 'over']) })
  const boss = toolAgent({
    name: 'boss',
    description,
    agents: [helper],
    model: scriptedModel([calling(['helper', { task: 'x' }]), 'went on']),
  })
  return { seen, boss }
}
