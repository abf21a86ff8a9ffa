import { describe, expect, it } from 'vitest'
import { codeAgent } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/scripted-model.ts'
import { code, eventsOf, lastMessage, ofType } from './support.ts'

const description = 'Works things out.'

/** Runs one answer of the model and then ends. Gives what the model was shown of it, and the events. */
async function shownAfter(answer: string) {
  const model = scriptedModel([answer, code('finalAnswer(typeof kept === "undefined" ? null : kept)')])
  const run = codeAgent({ name: 'coder', description, model }).run('Go.')
  const events = await eventsOf(run)
  return { shown: lastMessage(model), events, result: await run, model }
}

describe('23: code that throws', () => {
  it('23: the error has name, message and the line of the model’s own code; prints and variables before it are kept', async () => {
    const { shown, events, result } = await shownAfter(
      code(
        'let kept = 1\nconsole.log("so far so good")\nfunction errorFunction() {\n  throw new RangeError("too far")\n}\nerrorFunction()\nkept = 2',
      ),
    )
    expect(shown).toContain('Printed:\nso far so good')
    expect(shown).toMatch(/Error \(line [46] of your code\): RangeError: too far/)
    expect(shown).toContain('do not repeat calls that have succeeded')
    expect(ofType(events, 'step-end')[0]?.error).toContain('RangeError: too far')
    expect(result).toMatchObject({ status: 'done', output: 1 })
  })

  it('23: what is thrown need not be an error', async () => {
    expect((await shownAfter(code('throw { code: 7 }'))).shown).toContain('7')
    expect((await shownAfter(code('await Promise.reject("plain words")'))).shown).toContain('plain words')
  })
})

describe('24: code that cannot be read', () => {
  it('24: the place is told, nothing of it has run, and the code is in the log', async () => {
    const { shown, events } = await shownAfter(code('console.log("never")\nconst kept = (1 +\nfunction'))
    expect(shown).toMatch(/Error \(line [23] of your code\)/)
    expect(shown).toContain('Nothing of this code was run.')
    expect(ofType(events, 'print')).toEqual([])
    expect(ofType(events, 'code')[0]?.code).toContain('console.log("never")')
  })
})

describe('25: a block without its end', () => {
  it('25: is run, and the answer stays in the history as the model wrote it', async () => {
    const { result, model } = await shownAfter('I begin.\n```ts\nconst kept = 5')
    expect(result).toMatchObject({ status: 'done', output: 5 })
    expect(model.prompts[1]).toContain('I begin.\n```ts\nconst kept = 5')
  })
})

describe('26: structured answers', () => {
  it('26: JSON with thought and code is run, and the model is asked for that form', async () => {
    const model = scriptedModel([
      JSON.stringify({ thought: 'count', code: 'const n = 1 + 1' }),
      JSON.stringify({ thought: 'done', code: 'finalAnswer(n)' }),
    ])
    const agent = codeAgent({ name: 'coder', description, model, structured: true })
    expect(await agent.run('Go.')).toMatchObject({ status: 'done', output: 2 })
    expect(model.calls[0]?.responseFormat).toMatchObject({ type: 'json', schema: { required: ['thought', 'code'] } })
    expect(model.prompts[0]).toContain('In each step you write JSON with a short `thought`')
  })

  it('26: a model that writes a fenced block all the same is understood, and one that writes neither is told', async () => {
    const model = scriptedModel(['{"thought": "hm"}', code('finalAnswer(3)')])
    const agent = codeAgent({ name: 'coder', description, model, structured: true })
    expect(await agent.run('Go.')).toMatchObject({ status: 'done', output: 3, steps: 2 })
    expect(lastMessage(model)).toContain('no code')
  })
})

describe('31: where the code stands in an answer', () => {
  it.each([
    ['several blocks are one program', '```ts\nconst a = 1\n```\nand then\n```ts\nconst kept = a + 1\n```', 2],
    ['javascript and an unnamed fence are taken', '```js\nconst a = 1\n```\n```\nconst kept = a + 2\n```', 3],
    ['tags are taken where there is no fence', 'Thought.\n<code>\nconst kept = 4\n</code>', 4],
    ['bare code is taken', 'const kept = 5', 5],
    ['a block of another language is left out', '```bash\nrm -rf /\n```\n```ts\nconst kept = 6\n```', 6],
  ])('31: %s', async (_, answer, kept) => {
    expect((await shownAfter(answer)).result).toMatchObject({ status: 'done', output: kept })
  })

  it('31: only a block of another language is told as such', async () => {
    expect((await shownAfter('```python\nprint(1)\n```')).shown).toContain("a block of 'python', which cannot be run here")
  })
})
