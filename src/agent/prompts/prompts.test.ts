import { describe, expect, it } from 'vitest'
import { monty } from '../../sandbox/monty/monty.ts'
import { codeAgentPrompt } from './code-agent.prompt.ts'
import { contextPrompt } from './context.prompt.ts'
import { lastAttemptPrompt } from './last-attempt.prompt.ts'
import { carryOutPrompt, planPrompt } from './plan.prompt.ts'
import { toolAgentPrompt } from './tool-agent.prompt.ts'

const schema = '{"type":"number"}'
const tools = ['/** A number. */\ndeclare function first(input: { id: number }): Promise<number>']

/** Every text that a model is sent, by the file of its snapshot. A changed text needs a new version beside it. */
const TEXTS: Readonly<Record<string, string>> = {
  'code-agent-typescript': codeAgentPrompt({
    name: 'analyst',
    language: 'typescript',
    declarations: tools,
    finalAnswer: 'declare function finalAnswer(value: number): never',
    instructions: 'Be brief.',
    maxSteps: 7,
    isStructured: false,
  }),
  'code-agent-structured': codeAgentPrompt({ name: 'analyst', language: 'typescript', declarations: [], maxSteps: 7, isStructured: true }),
  'code-agent-python': codeAgentPrompt({
    name: 'analyst',
    language: 'python',
    declarations: ['def first(id: int) -> int:\n    """A number."""'],
    maxSteps: 7,
    isStructured: false,
  }),
  'code-agent-monty': codeAgentPrompt({
    name: 'analyst',
    language: 'python',
    declarations: [],
    maxSteps: 7,
    isStructured: false,
    notes: monty().notes?.python ?? [],
  }),
  'tool-agent': toolAgentPrompt({
    name: 'analyst',
    maxSteps: 7,
    agents: ['helper', 'writer'],
    notFor: [{ tool: 'first', notFor: 'second things' }],
    instructions: 'Be brief.',
    schema,
  }),
  'tool-agent-bare': toolAgentPrompt({ name: 'analyst', maxSteps: 1, agents: [], notFor: [] }),
  context: contextPrompt({
    n: 1,
    text: 'a\nb',
    list: [{ a: 1 }],
    none: null,
    empty: [],
    long: 'x'.repeat(1_000),
    wide: Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`k${i}`, i])),
  }),
  'plan-first': planPrompt({ remainingSteps: 7, isUpdate: false }),
  'plan-update': planPrompt({ remainingSteps: 1, isUpdate: true }),
  'plan-carry-out': carryOutPrompt(),
  'last-attempt': lastAttemptPrompt({ reason: 'the limit of 7 steps is reached' }),
  'last-attempt-schema': lastAttemptPrompt({ reason: 'the limit of 7 steps is reached', schema }),
}

describe('prompts', () => {
  it.each(Object.entries(TEXTS))('%s is the text that was agreed', async (name, text) => {
    await expect(`${text}\n`).toMatchFileSnapshot(`snapshots/${name}.md`)
  })

  it.each(Object.entries(TEXTS))('%s has every variable filled and no blank lines in a row', (_, text) => {
    expect(text).not.toMatch(/undefined|null,|NaN|\[object|\$\{|\{\{/)
    expect(text).not.toMatch(/\n{3}/)
    expect(text).toBe(text.trim())
  })

  it('of an agent are the same for the same options, so that a provider’s cache hits', () => {
    const once = codeAgentPrompt({ name: 'a', language: 'typescript', declarations: tools, maxSteps: 7, isStructured: false })
    expect(codeAgentPrompt({ name: 'a', language: 'typescript', declarations: [...tools], maxSteps: 7, isStructured: false })).toBe(once)
    expect(once).not.toMatch(/\d{4}-\d\d-\d\d|\d\d:\d\d/)
  })

  it('has nothing to say of an empty context', () => {
    expect(contextPrompt({})).toBe('')
    expect(contextPrompt({ gone: undefined })).toBe('')
  })
})
