import { describe, expect, it } from 'vitest'
import { memberPrompt } from './member.prompt.ts'
import { questionPrompt } from './question.prompt.ts'
import { rolePrompt, roleQuestion } from './role.prompt.ts'

const roles = ['router', 'architect', 'replanner', 'reviewer', 'investigator', 'synthesizer'] as const
const bare = {
  goal: 'Rain in 2023?',
  task: 'rain',
  objective: 'Read the gauge.',
  criteria: [],
  inputs: [],
  needsEvidence: false,
  defects: [],
  findings: [],
  notes: [],
  colleagues: [],
}
const question = questionPrompt({ question: 'Which year?', brief: '{"goal":"Rain in 2023?"}' })

/** Every text that the models of a team are sent, by the file of its snapshot. A changed text needs a new version. */
const TEXTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(roles.map((role) => [role, rolePrompt(role)])),
  'role-question': roleQuestion({ view: '{"goal":1}', schema: '{"type":"object"}' }),
  'role-question-again': roleQuestion({ view: '{"goal":1}', schema: '{"type":"object"}', problem: 'it is no JSON' }),
  'member-bare': memberPrompt(bare),
  member: memberPrompt({
    ...bare,
    criteria: ['a number'],
    inputs: ['year'],
    needsEvidence: true,
    defects: ['It was no number.'],
    findings: ['The gauge leaked in March.'],
    notes: ['reader: in millimetres'],
    handedOver: { from: 'writer', why: 'It needs the gauge.', state: '{"month":3}' },
    colleagues: ['reader', 'writer'],
  }),
  question: `${question.system}\n\n${question.user}`,
}

describe('prompts of a team', () => {
  it.each(Object.entries(TEXTS))('%s is the text that was agreed', async (name, text) => {
    await expect(`${text}\n`).toMatchFileSnapshot(`snapshots/${name}.md`)
  })

  it.each(Object.entries(TEXTS))('%s has every variable filled and no blank lines in a row', (_, text) => {
    expect(text).not.toMatch(/undefined|null,|NaN|\[object|\$\{|\{\{/)
    expect(text).not.toMatch(/\n{3}/)
    expect(text).toBe(text.trim())
  })
})
