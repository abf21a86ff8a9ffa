import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fakeContext } from '../../test/behaviours/fake-context.ts'
import { encode } from '../util/codec.ts'
import type { Check } from './agent.ts'
import { checkAnswer } from './check-answer.ts'
import { commonSpec, type AgentSpec } from './spec.ts'
import type { Transcript } from './transcript.ts'

const transcript: Transcript = { agent: 'a', task: 't', images: [], context: '', steps: [], earlier: [] }
const never = (): never => {
  throw new RangeError('not asked here')
}
const specOf = (checks: readonly Check[], output?: z.ZodType): AgentSpec => ({
  ...commonSpec({ name: 'a', description: 'A.', checks, ...(output && { output }) }, {}),
  systemPrompt: never,
  open: never,
})
const judge = (answer: string, checks: readonly Check[], output?: z.ZodType) => {
  const ctx = fakeContext()
  return checkAnswer(specOf(checks, output), answer, transcript, ctx, 3).then((verdict) => ({ verdict, notes: ctx.notes }))
}

describe('checkAnswer', () => {
  it('gives the output as the schema made it, as tagged JSON', async () => {
    const output = z.object({ day: z.date(), n: z.number().default(1) })
    const answer = encode({ day: new Date(0) })
    expect((await judge(answer, [], output)).verdict).toEqual({
      ok: true,
      output: JSON.parse(encode({ day: new Date(0), n: 1 })) as unknown,
    })
  })

  it('says what does not fit, and then asks no check', async () => {
    const { verdict, notes } = await judge('{"n":"two"}', [never], z.object({ n: z.number() }))
    expect(verdict).toMatchObject({
      ok: false,
      reasons: expect.stringMatching(/does not fit the type[\s\S]*n[\s\S]*give the final answer again/) as string,
    })
    expect(notes).toEqual([])
  })

  it('asks the checks one after another, each as an effect, up to the first that fails', async () => {
    const { verdict, notes } = await judge('7', [() => true, async () => {}, () => 'it is odd', never])
    expect(verdict).toMatchObject({ ok: false, reasons: expect.stringContaining("the check '3' failed: it is odd") as string })
    expect(notes).toEqual(['step 3.check.1', 'step 3.check.2', 'step 3.check.3'])
  })

  it('takes a check that throws as failed, with its words and its name', async () => {
    const { verdict } = await judge('7', [never])
    expect(verdict).toMatchObject({ ok: false, reasons: expect.stringContaining("the check 'never' failed: not asked here") as string })
  })
})
