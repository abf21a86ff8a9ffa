import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { codeAgent } from '../index.ts'
import { tool } from '../tools/tool.ts'
import { callablesOf } from './callables.ts'

const look = tool({ name: 'lookUp', description: 'Looks.', input: z.object({ id: z.number() }), run: () => 1 })
const sub = codeAgent({ name: 'myHelper', description: 'Helps.' })
const of = (language: 'typescript' | 'python') => callablesOf('me', [look], [sub], language, {})

describe('callablesOf', () => {
  it('finds tools and agents by both spellings of their names', () => {
    expect([of('python').tool('look_up')?.name, of('python').tool('lookUp')?.name, of('python').tool('look')]).toEqual([
      'lookUp',
      'lookUp',
      undefined,
    ])
    expect([of('python').agent('my_helper')?.name, of('typescript').agent('myHelper')?.name]).toEqual(['myHelper', 'myHelper'])
  })

  it('declares both in the language of the agent, and binds them with the order of their parameters', () => {
    const [declared = '', helper = ''] = of('typescript').declarations()
    expect(declared).toContain('declare function lookUp(')
    expect(helper).toContain('declare function myHelper(input: { task: string; context?: Record<string, unknown> }): Promise<unknown>')
    expect(of('python').declarations()[1]).toContain('def my_helper(task: str, context: dict | None = None):')
    expect(
      of('typescript')
        .guestFunctions()
        .map(({ name, parameters }) => [name, parameters]),
    ).toEqual([
      ['lookUp', ['id']],
      ['myHelper', ['task', 'context']],
    ])
  })

  it.each(['lookUp', 'look_up', 'myHelper', 'my_helper', 'me'])('refuses the context key %s, which would hide something', (key) => {
    expect(() => of('typescript').checkContext(['fine', key])).toThrow(expect.objectContaining({ code: 'tool/name-clash' }))
  })

  it('takes a task with a context of plain JSON', () => {
    const { agentInput } = of('typescript')
    expect(agentInput(sub, { task: 't', context: { n: 1, gone: undefined } })).toEqual({ task: 't', context: { n: 1 } })
    for (const bad of [null, 't', {}, { task: 1 }, { task: 't', context: null }])
      expect(() => agentInput(sub, bad)).toThrow(expect.objectContaining({ code: 'tool/arguments' }))
  })
})
