import { describe, expect, it } from 'vitest'
import { codeAgent, toolAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code } from './support.ts'

const description = 'Looks at pictures.'
const pixel = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const remote = 'https://example.org/cat.jpg'

describe('images of a run', () => {
  it.each(['code', 'tool'] as const)('stand with the task in every prompt of a %s agent, in their order', async (kind) => {
    const model = kind === 'code' ? scriptedModel([code('1'), code('finalAnswer("a pixel")')]) : scriptedModel(['', 'a pixel'])
    const agent = kind === 'code' ? codeAgent({ name: 'looker', description, model }) : toolAgent({ name: 'looker', description, model })
    expect(await agent.run('What is it?', { images: [pixel, remote] })).toMatchObject({ status: 'done', output: 'a pixel' })
    expect(model.calls).toHaveLength(2)
    for (const { prompt } of model.calls) {
      const task = prompt[1]
      const parts = task?.role === 'user' ? task.content : []
      expect(
        parts.map((part) => (part.type === 'file' ? [part.mediaType, String('url' in part.data ? part.data.url : '')] : part.type)),
      ).toEqual(['text', ['image/png', pixel], ['image/*', remote]])
    }
  })

  it('one that is no URL is told at once', async () => {
    const run = codeAgent({ name: 'looker', description, model: scriptedModel(code('finalAnswer(1)')) }).run('What?', {
      images: ['cat.jpg'],
    })
    await expect(run).rejects.toThrow(/URL/i)
  })
})
