import { describeIssues } from '../schema/describe-issues.ts'
import { parse } from '../schema/parse.ts'
import { decode } from '../util/codec.ts'
import type { StandardSchemaV1 } from '@standard-schema/spec'

export type Verdict = { readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly reasons: string }

export interface AnswerRules {
  readonly output?: StandardSchemaV1
}

/** Holds a final answer against what the agent must deliver; what is wrong with it is told to the model. */
export async function checkAnswer({ output }: AnswerRules, encoded: string): Promise<Verdict> {
  const value = decode(encoded)
  if (!output) return { ok: true, output: value }
  const result = await parse(output, value)
  if (result.ok) return { ok: true, output: result.value }
  const issues = describeIssues(result.issues, { value, schema: output })
  return { ok: false, reasons: `The final answer was not accepted, because it does not fit the type that is asked for:\n${issues}\nCorrect it and call the final answer again.` }
}
